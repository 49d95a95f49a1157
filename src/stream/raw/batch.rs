//! Records as librdkafka holds them.

use rdkafka::bindings::{self, rd_kafka_timestamp_type_t as Kind};
use rdkafka::message::BorrowedHeaders;
use rdkafka::types::{RDKafkaMessage, RDKafkaRespErr};
use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::slice;

/// Records of one consumer, which they must not outlive, in the order in which they came. They stay in librdkafka's
/// memory.
pub struct Batch<'c> {
    /// Each is owned: destroyed once, when it leaves the batch. None is an error in a record's place.
    messages: Vec<NonNull<RDKafkaMessage>>,
    consumer: PhantomData<&'c ()>,
}

impl Batch<'_> {
    pub fn with_capacity(records: usize) -> Self {
        Batch {
            messages: Vec::with_capacity(records),
            consumer: PhantomData,
        }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = Record<'_>> {
        self.messages.iter().map(|&message| Record {
            message,
            batch: PhantomData,
        })
    }

    /// Keeps the records for which `keeps` is true.
    pub fn retain(&mut self, mut keeps: impl FnMut(Record<'_>) -> bool) {
        self.messages.retain(|&message| {
            let kept = keeps(Record {
                message,
                batch: PhantomData,
            });
            if !kept {
                destroy(message);
            }
            kept
        });
    }

    pub fn clear(&mut self) {
        self.messages.drain(..).for_each(destroy);
    }

    /// # Safety
    /// Whoever calls owned the message, it holds a record and not an error, and it comes from the consumer that the batch
    /// is of.
    #[expect(unsafe_code, reason = "see above")]
    pub(super) unsafe fn push(&mut self, message: NonNull<RDKafkaMessage>) {
        self.messages.push(message);
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

#[expect(unsafe_code, reason = "the crate destroys messages of its own only")]
fn destroy(message: NonNull<RDKafkaMessage>) {
    // SAFETY: only called with messages of a batch, as they leave it.
    unsafe { bindings::rd_kafka_message_destroy(message.as_ptr()) };
}

/// A record of a batch.
#[derive(Clone, Copy)]
pub struct Record<'b> {
    message: NonNull<RDKafkaMessage>,
    batch: PhantomData<&'b ()>,
}

impl<'b> Record<'b> {
    /// `None` where there is none, which is not the same as an empty one.
    pub fn key(&self) -> Option<&'b [u8]> {
        let message = self.message();
        bytes(message.key, message.key_len)
    }

    /// `None` in a tombstone.
    pub fn payload(&self) -> Option<&'b [u8]> {
        let message = self.message();
        bytes(message.payload, message.len)
    }

    pub fn topic(&self) -> &'b str {
        let topic = self.message().rkt;
        if topic.is_null() {
            return "";
        }
        // SAFETY: the message holds its topic, whose name ends with a zero byte, for as long as it lives.
        #[expect(unsafe_code, reason = "the topic's name is a pointer")]
        let name = unsafe { CStr::from_ptr(bindings::rd_kafka_topic_name(topic)) };
        // Kafka knows no other names.
        name.to_str().unwrap_or_default()
    }

    pub fn partition(&self) -> i32 {
        self.message().partition
    }

    pub fn offset(&self) -> i64 {
        self.message().offset
    }

    /// Milliseconds since 1970, where the record has a timestamp.
    #[expect(unsafe_code, reason = "the crate tells it of messages of its own only")]
    pub fn timestamp(&self) -> Option<i64> {
        let mut kind = Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and the kind is written to.
        let timestamp = unsafe { bindings::rd_kafka_message_timestamp(self.message.as_ptr(), &mut kind) };
        (kind != Kind::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && timestamp != -1).then_some(timestamp)
    }

    /// `None` where there are none.
    #[expect(unsafe_code, reason = "the crate tells it of messages of its own only")]
    pub fn headers(&self) -> Option<&'b BorrowedHeaders> {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is alive, and keeps the headers that are found as long as it lives. It is looked at by one
        // thread only, as neither batch nor record can go to another. The crate makes its reference of the same pointer.
        unsafe {
            let found = bindings::rd_kafka_message_headers(self.message.as_ptr(), &mut headers);
            let found = found == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;
            headers.cast::<BorrowedHeaders>().as_ref().filter(|_| found)
        }
    }

    #[expect(unsafe_code, reason = "a batch holds pointers")]
    fn message(&self) -> &'b RDKafkaMessage {
        // SAFETY: messages are alive while they are in their batch, which is borrowed.
        unsafe { self.message.as_ref() }
    }
}

#[expect(unsafe_code, reason = "librdkafka's bytes are pointers")]
fn bytes<'b>(start: *const c_void, len: usize) -> Option<&'b [u8]> {
    // SAFETY: only called with key and payload of a message: null, or so many bytes that are alive as long as it is.
    (!start.is_null()).then(|| unsafe { slice::from_raw_parts(start.cast(), len) })
}
