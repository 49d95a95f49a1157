//! An input record on its way out: as a prediction, a tombstone or a dead letter.

use super::dead_letter::{ADDED_HEADERS, DeadLetter, LeftOut, Parts};
use super::failure::Failure;
use super::headers;
use super::producer::{OutputRecord, Producer, Target, TooLarge};
use super::raw::Record;
use super::topics::Topics;
use crate::metrics::Metrics;
use crate::output::Source;
use rdkafka::message::{BorrowedHeaders, OwnedHeaders};

/// One input record and what its output needs.
pub struct Outgoing<'b> {
    pub message: Record<'b>,
    pub now: i64,
    pub producer: &'b Producer,
    pub metrics: &'b Metrics,
    pub topics: &'b Topics,
    /// For the header that names it, where the format does not.
    pub model: Option<&'b [u8]>,
}

impl Outgoing<'_> {
    /// Sends a prediction, or a tombstone, to the output topic. Returns whether it went there: what the topic would
    /// refuse becomes a dead letter.
    pub fn output(&self, value: Option<&[u8]>) -> Result<bool, Failure> {
        let output = &self.topics.output;
        let model = self.model.filter(|_| value.is_some());
        let model = model.map(|model| (headers::MODEL.as_bytes(), Some(model)));
        let (key, input) = (self.message.key(), self.message.headers());
        let headers = headers::bytes(input.into_iter().flat_map(headers::each).chain(model));
        let bytes = key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len) + headers;
        if output.limits.takes_bytes(bytes) {
            let mut headers = input.map(BorrowedHeaders::detach);
            if let Some(model) = model {
                headers = Some(headers::append(headers.unwrap_or_default(), model));
            }
            if self.send(Target::Output, key, value, headers)?.is_ok() {
                return Ok(true);
            }
        }
        let limit = output.limits.max_message_bytes;
        self.dead_letter(&DeadLetter::OutputTooLarge { bytes, limit })?;
        Ok(false)
    }

    /// Sends the dead letter with as much of the input as its topic takes.
    pub fn dead_letter(&self, letter: &DeadLetter) -> Result<(), Failure> {
        let message = self.message;
        let origin = source(&message, self.topics);
        let target = &self.topics.dead_letter;
        let value = message.payload().unwrap_or_default();
        let key = message.key().map_or(0, <[u8]>::len);
        let headers = headers::bytes(message.headers().into_iter().flat_map(headers::each));
        for parts in Parts::CHOICES {
            let carried = usize::from(parts.has_key()) * key + usize::from(parts.has_headers()) * headers;
            let beside = carried + ADDED_HEADERS;
            let fits = if parts.has_value() {
                self.producer.takes(&target.limits, beside, value)
            } else {
                target.limits.takes_bytes(beside)
            };
            if !fits {
                continue;
            }
            let left_out = parts.left_out().map(|parts| LeftOut {
                parts,
                bytes: value.len() + key + headers - carried,
            });
            let input = message.headers().filter(|_| parts.has_headers());
            let sent = self.send(
                Target::DeadLetter,
                message.key().filter(|_| parts.has_key()),
                message.payload().filter(|_| parts.has_value()),
                Some(letter.headers(input.map(BorrowedHeaders::detach), origin, left_out)),
            )?;
            if sent.is_ok() {
                self.metrics.dead_lettered(letter.reason());
                if left_out.is_some() {
                    self.metrics.truncated_dead_letter();
                }
                return Ok(());
            }
        }
        let Source {
            topic,
            partition,
            offset,
        } = origin;
        Err(Failure::Refused(format!(
            "not even the reason why {topic}, partition {partition}, offset {offset} cannot be scored fits into {}: raise \
             its max.message.bytes, or message.max.bytes in [kafka.producer]",
            target.name
        )))
    }

    fn send(
        &self,
        target: Target,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<OwnedHeaders>,
    ) -> Result<Result<(), TooLarge>, Failure> {
        let topic = match target {
            Target::Output => &self.topics.output,
            Target::DeadLetter => &self.topics.dead_letter,
        };
        let timestamp = self.message.timestamp();
        let carried = timestamp.filter(|&timestamp| topic.limits.takes_timestamp(timestamp, self.now));
        if timestamp != carried {
            self.metrics.replaced_timestamp();
        }
        self.producer.send(OutputRecord {
            target,
            partition: self.message.partition() % topic.partitions,
            key,
            value,
            timestamp: carried,
            headers,
        })
    }
}

/// Where an input record stands.
pub fn source<'t>(message: &Record<'_>, topics: &'t Topics) -> Source<'t> {
    Source {
        topic: &topics.input.name,
        partition: message.partition(),
        offset: message.offset(),
    }
}
