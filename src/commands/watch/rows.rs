//! Fetching the input row of a prediction.

use crate::output::published::Source;
use crate::stream::{ClientFactory, Failure};
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::{Offset, TopicPartitionList};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(100);
/// Reading on over this many records is cheaper than starting to read in another place.
const SKIP: i64 = 500;

/// A reader of single records. It stays where it is, so that rows that follow each other are one stream.
pub struct Rows {
    consumer: BaseConsumer<Quiet>,
    position: Option<Position>,
}

/// The record that comes next.
struct Position {
    topic: String,
    partition: i32,
    offset: i64,
}

/// A row that is gone is said once, with the prediction it belongs to.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "reading rows");
    }
}

impl ConsumerContext for Quiet {}

pub enum Fetched {
    Row(Vec<u8>),
    /// Why there is none.
    Missing(String),
}

impl Rows {
    pub fn new(factory: &ClientFactory) -> Result<Rows, Failure> {
        let consumer = factory
            .reader()
            // An offset that is gone is to be told, not replaced by another.
            .set("auto.offset.reset", "error")
            // One row is wanted, not the rest of its partition.
            .set("queued.min.messages", "1")
            .set("max.partition.fetch.bytes", "65536")
            .create_with_context(Quiet)
            .map_err(|error| Failure::of("cannot make the consumer for the rows", &error))?;
        Ok(Rows {
            consumer,
            position: None,
        })
    }

    /// Fetches the value of a record, waiting a few seconds at most.
    pub fn fetch(&mut self, source: &Source<'_>, interrupted: &AtomicBool) -> Fetched {
        let fetched = self.go_to(source).and_then(|()| self.read(source, interrupted));
        match fetched {
            Ok(row) => Fetched::Row(row),
            Err(why) => {
                // What the consumer is doing now is not known.
                self.position = None;
                Fetched::Missing(why)
            }
        }
    }

    fn go_to(&mut self, source: &Source<'_>) -> Result<(), String> {
        let near = self.position.as_ref().is_some_and(|position| {
            position.topic == source.topic
                && position.partition == source.partition
                && (position.offset..position.offset.saturating_add(SKIP)).contains(&source.offset)
        });
        if near {
            return Ok(());
        }
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(&source.topic, source.partition, Offset::Offset(source.offset))
            .and_then(|()| self.consumer.assign(&assignment))
            .map_err(|error| error.to_string())
    }

    fn read(&mut self, source: &Source<'_>, interrupted: &AtomicBool) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if interrupted.load(Ordering::Relaxed) {
                return Err("interrupted".into());
            }
            if Instant::now() >= deadline {
                return Err(format!("the brokers did not give it within {} s", PATIENCE.as_secs()));
            }
            let message = match self.consumer.poll(STEP) {
                None => continue,
                Some(Ok(message)) => message,
                Some(Err(error)) => match error.rdkafka_error_code() {
                    Some(Code::AutoOffsetReset | Code::OffsetOutOfRange) => {
                        return Err("the topic does not have it".into());
                    }
                    Some(Code::AllBrokersDown | Code::BrokerTransportFailure | Code::Resolve) => continue,
                    _ => return Err(error.to_string()),
                },
            };
            if message.topic() != source.topic
                || message.partition() != source.partition
                || message.offset() < source.offset
            {
                continue;
            }
            if message.offset() > source.offset {
                return Err("the topic does not have it".into());
            }
            self.position = Some(Position {
                topic: source.topic.to_string(),
                partition: source.partition,
                offset: source.offset.saturating_add(1),
            });
            return message
                .payload()
                .map(<[u8]>::to_vec)
                .ok_or_else(|| "it has no value".to_owned());
        }
    }
}
