//! Records handed to librdkafka by topic handles. The crate's own call copies the topic's name and looks it up for
//! every record.

use crate::stream::producer::OutputRecord;
use rdkafka::bindings::{self, rd_kafka_vtype_t as vtype};
use rdkafka::client::ClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext};
use rdkafka::types::{RDKafkaRespErr, RDKafkaTopic};
use std::ffi::{CString, c_void};
use std::ptr::{self, NonNull};

/// A topic that a worker writes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    Output,
    DeadLetter,
}

/// The crate's producer, which serves delivery reports, and the handles of the topics it writes to.
pub struct Sender<C: ClientContext + ProducerContext<DeliveryOpaque = ()> + 'static> {
    // Before the client: fields are dropped in this order, and a handle must not outlive its client.
    output: Handle,
    dead_letter: Handle,
    client: BaseProducer<C>,
}

impl<C: ProducerContext<DeliveryOpaque = ()> + 'static> Sender<C> {
    /// # Errors
    /// A name that no topic can have.
    pub fn new(client: BaseProducer<C>, output: &str, dead_letter: &str) -> Result<Self, KafkaError> {
        Ok(Sender {
            output: Handle::of(&client, output)?,
            dead_letter: Handle::of(&client, dead_letter)?,
            client,
        })
    }

    pub fn client(&self) -> &BaseProducer<C> {
        &self.client
    }

    /// Copies a record to librdkafka's queue, never waiting. The headers are gone from a record that was taken, and stay
    /// with one that was not.
    ///
    /// # Errors
    /// Why librdkafka did not take the record; there will be no delivery report.
    #[expect(unsafe_code, reason = "the crate produces by the topic's name only")]
    pub fn send(&self, record: &mut OutputRecord<'_>) -> Result<(), Code> {
        let topic = match record.target {
            Target::Output => &self.output,
            Target::DeadLetter => &self.dead_letter,
        };
        let (value, value_len) = bytes(record.value);
        let (key, key_len) = bytes(record.key);
        // SAFETY: each tag is followed by values of the C types that librdkafka reads for it, and END is the last. Client
        // and handle are alive. With MSG_F_COPY key and value are copied before the call returns; a null pointer is a
        // missing one. The headers are the record's own, made by librdkafka, and belong to librdkafka if, and only if,
        // the call succeeds.
        let refused = unsafe {
            bindings::rd_kafka_producev(
                self.client.client().native_ptr(),
                vtype::RD_KAFKA_VTYPE_RKT,
                topic.0.as_ptr(),
                vtype::RD_KAFKA_VTYPE_PARTITION,
                record.partition,
                vtype::RD_KAFKA_VTYPE_MSGFLAGS,
                bindings::RD_KAFKA_MSG_F_COPY,
                vtype::RD_KAFKA_VTYPE_VALUE,
                value,
                value_len,
                vtype::RD_KAFKA_VTYPE_KEY,
                key,
                key_len,
                vtype::RD_KAFKA_VTYPE_TIMESTAMP,
                record.timestamp.unwrap_or(0),
                vtype::RD_KAFKA_VTYPE_HEADERS,
                native(record.headers.as_ref()),
                vtype::RD_KAFKA_VTYPE_END,
            )
        };
        if refused != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            return Err(refused.into());
        }
        std::mem::forget(record.headers.take());
        Ok(())
    }
}

fn bytes(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| (bytes.as_ptr().cast(), bytes.len()))
}

/// The crate makes its reference of this pointer.
fn native(headers: Option<&OwnedHeaders>) -> *mut bindings::rd_kafka_headers_t {
    headers.map_or(ptr::null_mut(), |headers| {
        ptr::from_ref(headers.as_borrowed()).cast_mut().cast()
    })
}

/// A topic of one client.
struct Handle(NonNull<RDKafkaTopic>);

#[expect(unsafe_code, reason = "the crate keeps its topic handles to itself")]
impl Handle {
    fn of<C: ProducerContext>(client: &BaseProducer<C>, name: &str) -> Result<Handle, KafkaError> {
        let terminated = CString::new(name)?;
        // SAFETY: the client is alive, the name is copied, and without a configuration the client's own one is used.
        let topic =
            unsafe { bindings::rd_kafka_topic_new(client.client().native_ptr(), terminated.as_ptr(), ptr::null_mut()) };
        let no_topic = || KafkaError::ClientCreation(format!("librdkafka takes no topic of the name {name}"));
        NonNull::new(topic).map(Handle).ok_or_else(no_topic)
    }
}

#[expect(unsafe_code, reason = "as above")]
impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: made by `of` and dropped once, while its client is alive.
        unsafe { bindings::rd_kafka_topic_destroy(self.0.as_ptr()) };
    }
}
