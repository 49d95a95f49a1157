//! Rows out, delivery reports in.

use super::outcome::name;
use crate::stream::{ClientFactory, Failure, log};
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{DeliveryResult, Header, Message as _, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// A row on its way to a partition.
#[derive(Debug, Clone, Copy)]
pub struct Outgoing<'r> {
    pub partition: i32,
    pub sequence: u32,
    pub key: Option<&'r [u8]>,
    pub value: &'r [u8],
    /// Milliseconds since 1970.
    pub timestamp: i64,
}

/// What became of a row that was handed to the producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delivered {
    pub partition: i32,
    pub sequence: u32,
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
    run: String,
}

impl Sender {
    pub fn new(factory: &ClientFactory, run: &str) -> Result<Sender, Failure> {
        Ok(Sender {
            client: factory
                .replay_producer()
                .create_with_context(Reports::default())
                .map_err(|error| Failure::of("cannot make the producer", &error))?,
            topic: factory.settings().input_topic.clone(),
            run: run.to_owned(),
        })
    }

    /// Hands a row to the producer. Returns false where its queue is full.
    pub fn send(&self, row: Outgoing<'_>) -> Result<bool, Failure> {
        let header = |key, value| Header {
            key,
            value: Some(value),
        };
        let mut record: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(&self.topic, row.sequence as usize)
                .partition(row.partition)
                .payload(row.value)
                .timestamp(row.timestamp)
                .headers(
                    OwnedHeaders::new_with_capacity(3)
                        .insert(header(name::RUN, &self.run))
                        .insert(header(name::PARTITION, &row.partition.to_string()))
                        .insert(header(name::SEQUENCE, &row.sequence.to_string())),
                );
        record.key = row.key;
        match self.client.send(record) {
            Ok(()) => Ok(true),
            Err((error, _)) if error.rdkafka_error_code() == Some(Code::QueueFull) => Ok(false),
            Err((error, _)) => Err(Failure::of(&format!("cannot produce to {}", self.topic), &error)),
        }
    }

    /// The delivery reports that came since the last call.
    ///
    /// # Errors
    /// The producer cannot go on.
    pub fn delivered(&self) -> Result<Vec<Delivered>, Failure> {
        self.client.poll(Duration::ZERO);
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

    fn delivery(&self, delivery: &DeliveryResult<'_>, sequence: usize) {
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
            sequence: sequence as u32,
            fate,
        };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(delivered);
    }
}
