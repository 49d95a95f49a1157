//! A worker's consumer: records in, and the changes of partitions that the worker has to answer.

use super::clients::ClientFactory;
use super::failure::{Failure, is_missing_topic};
use super::lag::Statistics;
use super::notes::{Change, Notes};
use super::raw::{Batch, Receiver, milliseconds};
use super::transaction::Membership;
use super::vitals::Vitals;
use crate::metrics::Metrics;
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{TopicPartitionList, bindings};
use std::fmt::Display;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A step of a wait, after which signs of life are given.
const STEP: Duration = Duration::from_millis(100);
/// A seek is done inside the client.
const SEEK: Duration = Duration::from_secs(10);

/// The consumer, closed when it is dropped: by then the worker has made its last checkpoint.
pub struct Consumer {
    receiver: Receiver,
}

impl Consumer {
    pub fn subscribe(
        factory: &ClientFactory,
        worker: usize,
        vitals: Arc<Vitals>,
        metrics: Metrics,
    ) -> Result<Consumer, Failure> {
        let topic = &factory.settings().input_topic;
        let notes = Notes::new(topic.clone(), vitals, metrics);
        let receiver = Receiver::subscribe(&factory.consumer(worker), topic, notes)
            .map_err(|error| Failure::of(&format!("cannot make the consumer of {topic}"), &error))?;
        Ok(Consumer { receiver })
    }

    /// Takes records until there are so many, or so many bytes of values, or none at hand; waits for the first of them.
    /// Comes back at once where there is a change of partitions to be answered or an error to be judged. Returns when
    /// the first record came, if one did.
    pub fn poll<'c>(&'c self, batch: &mut Batch<'c>, wait: Duration, records: usize, bytes: usize) -> Option<Instant> {
        let mut taken = self.receiver.wait(batch, wait)?;
        let first = Instant::now();
        while batch.len() < records && taken < bytes {
            // As many as fit, judging by those that came: they are not counted in librdkafka's queue any more.
            let fit = (bytes - taken) / (taken / batch.len()).max(1);
            let asked = fit.clamp(1, records - batch.len()).min(Receiver::CALL);
            let (came, more) = self.receiver.receive(batch, asked);
            taken += more;
            if came < asked {
                break;
            }
        }
        Some(first)
    }

    /// Errors that came since the last call.
    pub fn errors(&self) -> Vec<KafkaError> {
        self.receiver.notes().take_errors()
    }

    /// The change that the group waits on, if any, until it is answered with [`assign`](Self::assign) or
    /// [`unassign`](Self::unassign).
    pub fn change(&self) -> Option<Change> {
        self.receiver.notes().change()
    }

    /// Whether the brokers know the topic, `None` where none answers.
    pub fn sees_topic(&self, topic: &str) -> Option<bool> {
        let metadata = self
            .receiver
            .client()
            .fetch_metadata(Some(topic), Duration::from_secs(5))
            .ok()?;
        let found = metadata.topics().iter().find(|found| found.name() == topic)?;
        let missing = |error: RDKafkaRespErr| is_missing_topic(error.into());
        Some(!found.error().is_some_and(missing))
    }

    /// Commits offsets and waits for the answer, at most until the deadline. The crate's own call waits for as long
    /// as librdkafka tries, which can be minutes.
    #[expect(unsafe_code, reason = "the crate has no commit with a deadline")]
    pub fn commit(&self, offsets: &TopicPartitionList, deadline: Instant) -> KafkaResult<()> {
        let code = |code: RDKafkaRespErr| match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => Ok(()),
            code => Err(KafkaError::ConsumerCommit(code.into())),
        };
        // SAFETY: client and offsets outlive the call, which copies the offsets. The queue and the event are made
        // and destroyed here; an answer that comes later finds no queue and is dropped by librdkafka.
        unsafe {
            let client = self.receiver.client().native_ptr();
            let queue = bindings::rd_kafka_queue_new(client);
            let sent = bindings::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, std::ptr::null_mut());
            let mut answer = code(sent);
            while answer.is_ok() {
                self.receiver.notes().vitals().beat();
                let event = bindings::rd_kafka_queue_poll(queue, milliseconds(STEP));
                if !event.is_null() {
                    answer = code(bindings::rd_kafka_event_error(event));
                    // Where some partitions are refused and others not, only their own errors say so.
                    let list = bindings::rd_kafka_event_topic_partition_list(event);
                    for index in 0..list.as_ref().map_or(0, |list| list.cnt as usize) {
                        answer = answer.and(code((*(*list).elems.add(index)).err));
                    }
                    bindings::rd_kafka_event_destroy(event);
                    break;
                }
                if Instant::now() >= deadline {
                    answer = Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::OperationTimedOut));
                }
            }
            bindings::rd_kafka_queue_destroy(queue);
            answer
        }
    }

    /// The membership that offsets are committed under, as it is now: a rebalance changes it.
    pub fn membership(&self) -> Option<Membership> {
        Membership::of(self.receiver.client())
    }

    /// Reads on from these offsets.
    pub fn seek(&self, offsets: TopicPartitionList) -> Result<(), Failure> {
        let failed = |place: &str, error: &dyn Display| Failure::Rebuild(format!("cannot read again{place}: {error}"));
        self.receiver
            .seek(&offsets, SEEK)
            .map_err(|error| failed(" what the transaction held", &error))?;
        for element in offsets.elements() {
            let place = || format!(" from {}, partition {}", element.topic(), element.partition());
            element.error().map_err(|error| failed(&place(), &error))?;
        }
        Ok(())
    }

    /// Whether another topic of the same name has taken the place of the one that was read. librdkafka would read on in
    /// it where it stood in the old one; what it has read of it comes after this is true.
    pub fn topic_was_replaced(&self) -> bool {
        self.receiver.notes().topic_was_replaced()
    }

    /// Statistics that came since the last call.
    pub fn statistics(&self) -> Option<Statistics> {
        self.receiver.notes().take_statistics()
    }

    /// Whether the partitions were taken away already: a checkpoint for them would come too late.
    pub fn lost_its_assignment(&self) -> bool {
        self.receiver.assignment_lost()
    }

    pub fn assign(&self, partitions: &TopicPartitionList) -> Result<(), Failure> {
        let answer = self.receiver.assign(partitions);
        answer.map_err(|error| Failure::Rebuild(format!("cannot take the assigned partitions: {error}")))
    }

    pub fn unassign(&self, partitions: &TopicPartitionList) -> Result<(), Failure> {
        let answer = self.receiver.unassign(partitions);
        answer.map_err(|error| Failure::Rebuild(format!("cannot give the revoked partitions back: {error}")))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        // A change that a failed worker never answered would keep the close waiting.
        let answer = match self.change() {
            Some(Change::Assign(_)) => self.assign(&TopicPartitionList::new()),
            Some(Change::Revoke(partitions)) => self.unassign(&partitions),
            None => Ok(()),
        };
        if let Err(error) = answer {
            tracing::debug!(%error, "while closing");
        }
    }
}
