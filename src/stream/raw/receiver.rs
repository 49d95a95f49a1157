//! A consumer that takes records in batches: the crate's own takes them one at a time, each with an event of its own.
//!
//! librdkafka's batch call is fast because it moves a partition's position once a call. What follows from that is dealt
//! with here and in the worker:
//! - a change of partitions stops them where the last call found them, and what it took comes again: see
//!   [`Stopped`](crate::stream::repeats::Stopped)
//! - the position moves back only with a seek, not where a log ends before it: see
//!   [`Return`](crate::stream::repeats::Return)
//! - an error in a record's place moves it past a record that did not come, which the next change would leave out: such an
//!   error counts as one after which the consumer cannot go on
//! - a callback must not end the call: see [`callbacks`]

use super::batch::Batch;
use super::{assignment, callbacks, milliseconds};
use crate::stream::failure::{is_denial, is_missing_topic, is_refusal};
use crate::stream::notes::Notes;
use rdkafka::TopicPartitionList;
use rdkafka::bindings;
use rdkafka::client::Client;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::types::{RDKafka, RDKafkaMessage, RDKafkaQueue, RDKafkaRespErr, RDKafkaType};
use std::ffi::CStr;
use std::ptr::{self, NonNull};
use std::time::Duration;

/// A member of a consumer group. Closed when it is dropped; what [`Notes`] are told then is answered at once.
pub struct Receiver {
    /// Of the consumer, and with it of everything it has to tell.
    queue: NonNull<RDKafkaQueue>,
    client: Client<Notes>,
}

#[expect(unsafe_code, reason = "the crate receives one record at a time")]
impl Receiver {
    /// Records that are taken in one call at most.
    pub const CALL: usize = 64;

    /// A consumer that subscribes to this topic.
    pub fn subscribe(config: &ClientConfig, topic: &str, notes: Notes) -> KafkaResult<Receiver> {
        let native = config.create_native_config()?;
        callbacks::set(&native);
        let client = Client::new(config, native, RDKafkaType::RD_KAFKA_CONSUMER, notes)?;
        let mut topics = TopicPartitionList::new();
        topics.add_topic_unassigned(topic);
        // SAFETY: the client is alive. The queue is destroyed when this is dropped, before the client.
        unsafe {
            let failed = |code: Code| KafkaError::ClientCreation(code.to_string());
            let no_queue = || failed(Code::UnknownGroup);
            let queue =
                NonNull::new(bindings::rd_kafka_queue_get_consumer(client.native_ptr())).ok_or_else(no_queue)?;
            let receiver = Receiver { queue, client };
            // Lines of the log, statistics and errors come by the same queue as records.
            assignment::result(bindings::rd_kafka_poll_set_consumer(receiver.client.native_ptr())).map_err(failed)?;
            assignment::result(bindings::rd_kafka_subscribe(receiver.client.native_ptr(), topics.ptr()))
                .map_err(|code| KafkaError::Subscription(code.to_string()))?;
            Ok(receiver)
        }
    }

    pub fn client(&self) -> &Client<Notes> {
        &self.client
    }

    pub fn notes(&self) -> &Notes {
        self.client.context()
    }

    /// Waits for a record, or for news that the worker has to act on, at most for `wait`.
    /// Returns whether a record came, and how many bytes its value has.
    ///
    /// It alone sets a partition's position to what was read, whatever it was before.
    pub fn wait<'c>(&'c self, batch: &mut Batch<'c>, wait: Duration) -> Option<usize> {
        self.notes().wait(true);
        // SAFETY: the queue is alive; the message that is returned is owned by this call.
        let message = unsafe { bindings::rd_kafka_consume_queue(self.queue.as_ptr(), milliseconds(wait)) };
        self.notes().wait(false);
        self.take(batch, NonNull::new(message)?, false)
    }

    /// Takes records that are at hand, `most` at most, without waiting. Returns how many came, and how many bytes their
    /// values have.
    pub fn receive<'c>(&'c self, batch: &mut Batch<'c>, most: usize) -> (usize, usize) {
        let mut messages: [*mut RDKafkaMessage; Self::CALL] = [ptr::null_mut(); Self::CALL];
        // SAFETY: the queue is alive, and there is room for so many pointers. The messages are owned by this call.
        let found = unsafe {
            bindings::rd_kafka_consume_batch_queue(self.queue.as_ptr(), 0, messages.as_mut_ptr(), most.min(Self::CALL))
        };
        let (mut count, mut bytes) = (0, 0);
        let found = messages.iter().take(usize::try_from(found).unwrap_or(0));
        for message in found.filter_map(|&message| NonNull::new(message)) {
            count += 1;
            bytes += self.take(batch, message, true).unwrap_or(0);
        }
        (count, bytes)
    }

    /// Puts a record into the batch. An error in its place is noted.
    fn take<'c>(&'c self, batch: &mut Batch<'c>, message: NonNull<RDKafkaMessage>, batched: bool) -> Option<usize> {
        // SAFETY: the message is alive and owned by whoever calls, who does not use it again. It came by the queue of
        // this consumer. The text of an error is the message's own.
        unsafe {
            let RDKafkaMessage { err, rkt, len, .. } = *message.as_ref();
            if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                batch.push(message);
                return Some(len);
            }
            let reason = CStr::from_ptr(bindings::rd_kafka_message_errstr(message.as_ptr())).to_string_lossy();
            let (code, fatal) = cause(self.client.native_ptr(), err);
            // Whatever offset it names: librdkafka takes even those that stand for none to be a position.
            let displaced =
                batched && !rkt.is_null() && !is_refusal(code) && !is_denial(code) && !is_missing_topic(code);
            self.notes().failed(code, fatal || displaced, reason.trim());
            bindings::rd_kafka_message_destroy(message.as_ptr());
            None
        }
    }

    pub fn assign(&self, partitions: &TopicPartitionList) -> Result<(), Code> {
        self.notes().answered();
        // SAFETY: client and list are alive.
        unsafe { assignment::add(self.client.native_ptr(), partitions.ptr()) }
    }

    pub fn unassign(&self, partitions: &TopicPartitionList) -> Result<(), Code> {
        self.notes().answered();
        // SAFETY: client and list are alive.
        unsafe { assignment::remove(self.client.native_ptr(), partitions.ptr()) }
    }

    /// Whether the partitions were taken away already.
    pub fn assignment_lost(&self) -> bool {
        // SAFETY: the client is alive.
        unsafe { bindings::rd_kafka_assignment_lost(self.client.native_ptr()) != 0 }
    }

    /// Reads on from these offsets. How it went is said of each.
    pub fn seek(&self, offsets: &TopicPartitionList, time: Duration) -> Result<(), Code> {
        // SAFETY: client and list are alive; the list's errors are written to, and it is not used elsewhere.
        unsafe {
            assignment::outcome(bindings::rd_kafka_seek_partitions(
                self.client.native_ptr(),
                offsets.ptr(),
                milliseconds(time),
            ))
        }
    }
}

#[expect(unsafe_code, reason = "see the type")]
impl Drop for Receiver {
    fn drop(&mut self) {
        self.notes().close();
        // SAFETY: the client is alive until this returns, and the queue is not used again. No batch is left, as each
        // borrows this.
        unsafe {
            let closed = bindings::rd_kafka_consumer_close(self.client.native_ptr());
            if let Err(error) = assignment::result(closed) {
                tracing::debug!(%error, "while closing");
            }
            bindings::rd_kafka_queue_destroy(self.queue.as_ptr());
        }
    }
}

/// What is behind an error, and whether the consumer cannot go on after it.
///
/// # Safety
/// The client is alive.
#[expect(unsafe_code, reason = "callbacks have no other client than a pointer")]
pub unsafe fn cause(client: *mut RDKafka, code: RDKafkaRespErr) -> (Code, bool) {
    let fatal = code == RDKafkaRespErr::RD_KAFKA_RESP_ERR__FATAL;
    // SAFETY: the client is alive, and no text is asked for.
    let cause = if fatal {
        unsafe { bindings::rd_kafka_fatal_error(client, ptr::null_mut(), 0) }
    } else {
        code
    };
    (cause.into(), fatal)
}
