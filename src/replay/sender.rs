//! Records out, delivery reports in.

use crate::stream::topics::Topic;
use crate::stream::{ClientFactory, Failure, log};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A record on its way to a partition of the input topic.
#[derive(Debug)]
pub struct Outgoing<'r> {
    pub partition: i32,
    pub key: Option<&'r [u8]>,
    pub value: Option<&'r [u8]>,
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
    pub headers: OwnedHeaders,
    /// Comes back with the delivery report.
    pub tag: u32,
}

/// What became of a record that was handed to the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    pub partition: i32,
    pub tag: u32,
    pub fate: Fate,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// With its offset, where the broker told it: of a batch it had already, it may not know any more.
    Acknowledged(Option<i64>),
    /// It may be in the log or not.
    Failed(Code),
}

pub struct Sender {
    client: BaseProducer<Reports>,
    topic: String,
}

impl Sender {
    /// A producer that is connected to the brokers of the input topic, within `patience`.
    pub fn new(factory: &ClientFactory, input: &Topic, patience: Duration) -> Result<Sender, Failure> {
        let client: BaseProducer<Reports> = factory
            .replay_producer(input.limits.max_message_bytes)
            .create_with_context(Reports::default())
            .map_err(|error| Failure::of("cannot make the producer", &error))?;
        let topic = input.name.clone();
        let metadata = client.client().fetch_metadata(Some(&topic), patience);
        metadata.map_err(|error| Failure::of(&format!("cannot ask for {topic}"), &error))?;
        Ok(Sender { client, topic })
    }

    /// Hands a record to the producer. Returns false where its queue is full.
    pub fn send(&self, outgoing: Outgoing<'_>) -> Result<bool, Failure> {
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&self.topic, outgoing.tag as usize)
                .partition(outgoing.partition)
                .headers(outgoing.headers);
        record.key = outgoing.key;
        record.payload = outgoing.value;
        record.timestamp = outgoing.timestamp;
        match self.client.send(record) {
            Ok(()) => Ok(true),
            Err((error, _)) if error.rdkafka_error_code() == Some(Code::QueueFull) => Ok(false),
            Err((error, _)) => Err(Failure::of(&format!("cannot produce to {}", self.topic), &error)),
        }
    }

    /// Records of which there is no delivery report yet.
    pub fn in_flight(&self) -> i32 {
        self.client.in_flight_count()
    }

    /// Gives the producer time to send what it has.
    pub fn wait(&self, time: Duration) {
        self.client.poll(time);
    }

    /// The delivery reports that came since the last call, and in the time given.
    ///
    /// # Errors
    /// The producer cannot go on.
    pub fn delivered(&self, time: Duration) -> Result<Vec<Delivered>, Failure> {
        self.wait(time);
        if let Some((_, reason)) = self.client.client().fatal_error() {
            return Err(Failure::Rebuild(format!("the producer cannot go on: {reason}")));
        }
        let mut delivered = self.client.context().0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut delivered))
    }
}

#[derive(Default)]
struct Reports(Mutex<Vec<Delivered>>);

impl ClientContext for Reports {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward("replay", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Reports {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivery: &DeliveryResult<'_>, tag: usize) {
        let (message, fate) = match delivery {
            Ok(message) => {
                let offset = Some(message.offset()).filter(|&offset| offset >= 0);
                (message, Fate::Acknowledged(offset))
            }
            Err((error, message)) => {
                let code = error.rdkafka_error_code().unwrap_or(Code::Fail);
                (message, Fate::Failed(code))
            }
        };
        let delivered = Delivered {
            partition: message.partition(),
            tag: tag as u32,
            fate,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
    }
}
