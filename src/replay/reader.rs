//! Reading back what comes out.

use super::Quiet;
use super::offsets::Offsets;
use super::outcome::{Kind, Outcome};
use crate::stream::topics::Topics;
use crate::stream::{ClientFactory, Failure};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::time::Duration;

/// Reads the output and the dead letter topic from the ends that they have when it is made.
pub struct Reader {
    consumer: BaseConsumer<Quiet>,
    run: String,
    predictions: Stream,
    dead_letters: Stream,
}

/// One of the topics.
struct Stream {
    topic: String,
    /// The offset that comes next in each partition.
    next: Vec<i64>,
}

impl Reader {
    pub fn new(
        factory: &ClientFactory,
        topics: &Topics,
        offsets: &Offsets,
        run: &str,
        patience: Duration,
    ) -> Result<Reader, Failure> {
        let stream = |topic: &crate::stream::topics::Topic| {
            Ok::<_, Failure>(Stream {
                topic: topic.name.clone(),
                next: offsets.ends(&topic.name, topic.partitions, patience)?,
            })
        };
        let (predictions, dead_letters) = (stream(&topics.output)?, stream(&topics.dead_letter)?);
        let failed = |error| Failure::of("cannot read the outcomes", &error);
        let consumer: BaseConsumer<Quiet> = factory
            .reader()
            .set("isolation.level", "read_committed")
            // A position that is gone because its records are deleted; one that comes again is passed over below.
            .set("auto.offset.reset", "earliest")
            .create_with_context(Quiet)
            .map_err(failed)?;
        let mut assignment = TopicPartitionList::new();
        for stream in [&predictions, &dead_letters] {
            for (partition, &offset) in (0..).zip(&stream.next) {
                assignment
                    .add_partition_offset(&stream.topic, partition, Offset::Offset(offset))
                    .map_err(failed)?;
            }
        }
        consumer.assign(&assignment).map_err(failed)?;
        Ok(Reader {
            consumer,
            run: run.to_owned(),
            predictions,
            dead_letters,
        })
    }

    /// Waits for a record, at most for `wait`, and hands it to `take` if it is an outcome of this run. Returns whether
    /// a record came; none may come before the time is over.
    ///
    /// # Errors
    /// The brokers refuse. Ones that cannot be reached may come back, and are waited for.
    pub fn read(&mut self, wait: Duration, take: impl FnOnce(Outcome<'_>)) -> Result<bool, Failure> {
        let message = match self.consumer.poll(wait) {
            None => return Ok(false),
            Some(Ok(message)) => message,
            Some(Err(error)) => {
                return match Failure::of("cannot read the outcomes", &error) {
                    failure @ Failure::Refused(_) => Err(failure),
                    _ => Ok(false),
                };
            }
        };
        let (kind, stream) = if message.topic() == self.predictions.topic {
            (Kind::Prediction, &mut self.predictions)
        } else {
            (Kind::DeadLetter, &mut self.dead_letters)
        };
        if stream.advance(&message)
            && let Some(outcome) = Outcome::of(&message, kind, &self.run)
        {
            take(outcome);
        }
        Ok(true)
    }

    /// The ends that the topics have now.
    ///
    /// # Errors
    /// The brokers did not tell the ends within `patience`.
    pub fn ends(&self, offsets: &Offsets, patience: Duration) -> Result<Ends, Failure> {
        let ends = |stream: &Stream| offsets.ends(&stream.topic, stream.next.len() as i32, patience);
        Ok(Ends {
            predictions: ends(&self.predictions)?,
            dead_letters: ends(&self.dead_letters)?,
        })
    }

    pub fn has_reached(&self, ends: &Ends) -> bool {
        self.predictions.has_reached(&ends.predictions) && self.dead_letters.has_reached(&ends.dead_letters)
    }
}

/// Ends of the two topics.
#[derive(Debug)]
pub struct Ends {
    predictions: Vec<i64>,
    dead_letters: Vec<i64>,
}

impl Stream {
    /// Returns false for a record that was read before.
    fn advance(&mut self, message: &BorrowedMessage<'_>) -> bool {
        let next = &mut self.next[message.partition() as usize];
        let is_new = message.offset() >= *next;
        if is_new {
            *next = message.offset() + 1;
        }
        is_new
    }

    fn has_reached(&self, ends: &[i64]) -> bool {
        self.next.iter().zip(ends).all(|(next, end)| next >= end)
    }
}
