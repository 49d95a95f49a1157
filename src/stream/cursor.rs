//! Reading records by their places.

use super::clients::ClientFactory;
use super::failure::{Failure, is_missing_topic};
use super::offsets::watermarks;
use crate::config::is_topic_name;
use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::ops::Range;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const STEP: Duration = Duration::from_millis(100);
/// Reading on over this many records is cheaper than starting to read in another place.
const SKIP: i64 = 500;

/// Reads committed records at places of any topic. It stays where it is, so that records that follow each other are one
/// stream.
pub struct Cursor {
    consumer: BaseConsumer<Quiet>,
    patience: Duration,
    /// Partitions by topic, as far as they were asked for.
    partitions: BTreeMap<String, i32>,
    position: Option<Position>,
}

/// The place where the consumer reads.
struct Position {
    topic: String,
    partition: i32,
    /// What is known begins here.
    first: i64,
    /// The consumer gives nothing before this.
    next: i64,
    /// Read, but not asked for yet.
    ahead: Option<Record>,
}

/// A record, without what nobody asks a cursor for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub offset: i64,
    pub value: Option<Vec<u8>>,
}

/// What stands at a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    Record(Record),
    /// No record, but there are some after it.
    Gap,
    /// No record, and none after it.
    End,
}

/// What is wrong is said by whoever asks, once.
struct Quiet;

impl ClientContext for Quiet {
    fn error(&self, error: KafkaError, reason: &str) {
        tracing::debug!(%error, reason, "cursor");
    }
}

impl ConsumerContext for Quiet {}

impl Cursor {
    /// One that waits for the brokers this long each time.
    pub fn new(factory: &ClientFactory, patience: Duration) -> Result<Cursor, Failure> {
        let consumer = factory
            .reader()
            .set("isolation.level", "read_committed")
            // Leads to the first record after an offset that is gone, and shows one that is not there yet.
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            // What is wanted may be one record, not the rest of its partition.
            .set("queued.min.messages", "1000")
            .set("max.partition.fetch.bytes", "65536")
            // A fetch that waits at the end of one partition holds up the next in another, and is repeated for ever.
            .set("fetch.wait.max.ms", "50")
            .create_with_context(Quiet)
            .map_err(|error| Failure::of("cannot make a consumer", &error))?;
        Ok(Cursor {
            consumer,
            patience,
            partitions: BTreeMap::new(),
            position: None,
        })
    }

    /// The record at an offset. `go_on` ends a wait with `false`.
    ///
    /// # Errors
    /// As [`from`](Self::from).
    pub fn at(&mut self, topic: &str, partition: i32, offset: i64, go_on: impl Fn() -> bool) -> Result<At, Failure> {
        match self.from(topic, partition, offset, go_on)? {
            None => Ok(At::End),
            Some(record) if record.offset == offset => Ok(At::Record(record)),
            later => {
                if let Some(position) = &mut self.position {
                    position.first = offset;
                    position.ahead = later;
                }
                Ok(At::Gap)
            }
        }
    }

    /// The record at an offset, or else the first after it; `None` where the partition has none or does not exist.
    ///
    /// # Errors
    /// The brokers refuse or do not answer in time, or the wait was ended.
    pub fn from(
        &mut self,
        topic: &str,
        partition: i32,
        offset: i64,
        go_on: impl Fn() -> bool,
    ) -> Result<Option<Record>, Failure> {
        if !self.has_partition(topic, partition)? {
            return Ok(None);
        }
        let offset = offset.max(0);
        self.go_to(topic, partition, offset)?;
        let found = self.read(offset, go_on);
        if !matches!(found, Ok(Some(_))) {
            // What the consumer is doing now is not known.
            self.position = None;
        }
        found
    }

    /// Where each partition of a topic begins and ends now. With `since`, it begins with the first record whose
    /// timestamp is that or later.
    ///
    /// # Errors
    /// The topic does not exist, or the brokers refuse or do not answer in time.
    pub fn ranges(&mut self, topic: &str, since: Option<SystemTime>) -> Result<Vec<Range<i64>>, Failure> {
        let partitions = self.ask_for_partitions(topic)?;
        if partitions == 0 {
            return Err(Failure::Refused(format!("topic {topic} does not exist")));
        }
        let mut ranges = watermarks(&self.consumer, topic, partitions, self.patience)?;
        let Some(since) = since else {
            return Ok(ranges);
        };
        let failed = |error: KafkaError| Failure::of(&format!("cannot ask where {topic} is at a time"), &error);
        let millis = since.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let mut times = TopicPartitionList::new();
        times.add_partition_range(topic, 0, partitions - 1);
        times
            .set_all_offsets(Offset::Offset(i64::try_from(millis).unwrap_or(i64::MAX)))
            .map_err(failed)?;
        let starts = self.consumer.offsets_for_times(times, self.patience).map_err(failed)?;
        for (partition, range) in (0..).zip(&mut ranges) {
            let start = starts.find_partition(topic, partition);
            range.start = match start.as_ref().map(TopicPartitionListElem::offset) {
                Some(Offset::Offset(start)) => start.clamp(range.start, range.end),
                // All are older.
                _ => range.end,
            };
            start.map_or(Ok(()), |start| start.error()).map_err(failed)?;
        }
        Ok(ranges)
    }

    fn has_partition(&mut self, topic: &str, partition: i32) -> Result<bool, Failure> {
        if partition < 0 {
            return Ok(false);
        }
        // Others may have been added.
        let known = self.partitions.get(topic).is_some_and(|known| partition < *known);
        Ok(known || partition < self.ask_for_partitions(topic)?)
    }

    /// How many partitions a topic has now, 0 where there is none of this name.
    fn ask_for_partitions(&mut self, topic: &str) -> Result<i32, Failure> {
        // A record may name anything, and rdkafka panics at what librdkafka takes for no name.
        if !is_topic_name(topic) {
            return Ok(0);
        }
        let failed = |error: KafkaError| Failure::of(&format!("cannot ask for the partitions of {topic}"), &error);
        let metadata = self
            .consumer
            .fetch_metadata(Some(topic), self.patience)
            .map_err(failed)?;
        let found = metadata.topics().iter().find(|found| found.name() == topic);
        if let Some(error) = found.and_then(|found| found.error()) {
            let code = Code::from(error);
            if is_missing_topic(code) || code == Code::InvalidTopic {
                return Ok(0);
            }
            return Err(Failure::of_code(Some(code), format!("cannot read {topic}: {code}")));
        }
        let partitions = found.map_or(0, |found| found.partitions().len() as i32);
        self.partitions.insert(topic.to_owned(), partitions);
        Ok(partitions)
    }

    fn go_to(&mut self, topic: &str, partition: i32, offset: i64) -> Result<(), Failure> {
        let near = self.position.as_ref().is_some_and(|position| {
            position.topic == topic
                && position.partition == partition
                && (position.first..position.next.saturating_add(SKIP)).contains(&offset)
        });
        if near {
            return Ok(());
        }
        let failed = |error| Failure::of(&format!("cannot read {topic}, partition {partition}"), &error);
        let mut assignment = TopicPartitionList::new();
        assignment
            .add_partition_offset(topic, partition, Offset::Offset(offset))
            .and_then(|()| self.consumer.assign(&assignment))
            .map_err(failed)?;
        self.position = Some(Position {
            topic: topic.to_owned(),
            partition,
            first: offset,
            next: offset,
            ahead: None,
        });
        Ok(())
    }

    fn read(&mut self, offset: i64, go_on: impl Fn() -> bool) -> Result<Option<Record>, Failure> {
        let Some(position) = &mut self.position else {
            return Ok(None);
        };
        if let Some(ahead) = position.ahead.take().filter(|ahead| ahead.offset >= offset) {
            position.first = position.next;
            return Ok(Some(ahead));
        }
        let place = format!("{}, partition {}, offset {offset}", position.topic, position.partition);
        let mut obstacle = None;
        let mut deadline = Instant::now() + self.patience;
        loop {
            if !go_on() {
                return Err(Failure::Rebuild(format!("interrupted while reading {place}")));
            }
            if Instant::now() >= deadline {
                let waited = format!("the brokers did not give {place} within {} s", self.patience.as_secs());
                return Err(obstacle.unwrap_or(Failure::Unreachable(waited)));
            }
            let message = match self.consumer.poll(STEP) {
                None => continue,
                Some(Ok(message)) => message,
                Some(Err(KafkaError::PartitionEOF(partition))) if partition == position.partition => return Ok(None),
                Some(Err(KafkaError::PartitionEOF(_))) => continue,
                Some(Err(error)) => match Failure::of(&format!("cannot read {place}"), &error) {
                    failure @ (Failure::Refused(_) | Failure::Denied(_)) => return Err(failure),
                    // The brokers may come back, and a partition that was there a moment ago as well.
                    failure => {
                        obstacle = Some(failure);
                        continue;
                    }
                },
            };
            if message.topic() != position.topic || message.partition() != position.partition {
                continue;
            }
            if message.offset() < position.next {
                // The partition ends before what was asked for, so that reading began from its start.
                return Ok(None);
            }
            deadline = Instant::now() + self.patience;
            position.next = message.offset().saturating_add(1);
            position.first = position.next;
            if message.offset() >= offset {
                return Ok(Some(Record {
                    offset: message.offset(),
                    value: message.payload().map(<[u8]>::to_vec),
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests;
