//! Dead letters, sent back to the topic they came from.

use super::handled::Handled;
use super::letter::{Letter, Verdict};
use super::sender::{Fate, Outgoing, Sender};
use super::sent_back::SentBack;
use super::{PATIENCE, Quiet, STEP};
use crate::stream::topics::{self, Topic, Topics};
use crate::stream::{ClientFactory, Failure, headers, watermarks};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Letters between two commits: no more than these are sent again after a crash.
const CHUNK: usize = 1000;
/// Longer than the producer tries.
const DELIVERY: Duration = Duration::from_secs(330);

/// The dead letters of one topic, and where those that were handled end.
pub struct DeadLetters<'f> {
    topic: String,
    /// Those to send; empty means all.
    reasons: BTreeSet<String>,
    topics: &'f Topics,
    consumer: BaseConsumer<Quiet>,
    sender: Sender,
    partitions: Vec<Partition>,
    sent_back: SentBack,
}

struct Partition {
    handled: Handled,
    /// The next to read.
    next: i64,
    /// Letters that come later are of a later run.
    end: i64,
    /// There is nothing more to read. That can be before `end`: the marks of transactions have offsets, too, and
    /// letters of a transaction that is still open are for a later run.
    done: bool,
}

impl<'f> DeadLetters<'f> {
    /// Finds the letters that are in `topic` now and were not handled before. `reasons` are those to send; empty means
    /// all.
    ///
    /// # Errors
    /// The brokers refuse or do not answer, or the topic does not exist.
    pub fn find(
        factory: &ClientFactory,
        topics: &'f Topics,
        topic: &str,
        reasons: BTreeSet<String>,
    ) -> Result<DeadLetters<'f>, Failure> {
        let count = topics::partitions(factory, topic, PATIENCE)?;
        let failed = |error: KafkaError| Failure::of(&format!("cannot read {topic}"), &error);
        let consumer: BaseConsumer<Quiet> = factory
            .reader()
            .set("group.id", format!("{}-replay", factory.settings().group_id))
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "earliest")
            .set("enable.partition.eof", "true")
            .create_with_context(Quiet)
            .map_err(failed)?;
        let watermarks = watermarks(&consumer, topic, count, PATIENCE)?;
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, count - 1);
        let committed = consumer.committed_offsets(list, PATIENCE).map_err(failed)?;
        let mut assignment = TopicPartitionList::new();
        let mut partitions = Vec::new();
        for (partition, watermarks) in (0..).zip(watermarks) {
            let handled = match committed.find_partition(topic, partition) {
                Some(found) if matches!(found.offset(), Offset::Offset(_)) => Handled::read(&found, watermarks.start),
                _ => Handled::before(watermarks.start),
            };
            let next = handled.first_open(&reasons).clamp(watermarks.start, watermarks.end);
            if next < watermarks.end {
                assignment
                    .add_partition_offset(topic, partition, Offset::Offset(next))
                    .map_err(failed)?;
            }
            partitions.push(Partition {
                handled,
                next,
                end: watermarks.end,
                done: next >= watermarks.end,
            });
        }
        consumer.assign(&assignment).map_err(failed)?;
        Ok(DeadLetters {
            sender: Sender::new(factory, &topics.input, PATIENCE)?,
            topic: topic.to_owned(),
            reasons,
            topics,
            consumer,
            partitions,
            sent_back: SentBack::default(),
        })
    }

    /// Sends them back, and commits how far it came whenever those that were sent are acknowledged. Ends early where
    /// `go_on` says so.
    ///
    /// # Errors
    /// The brokers refuse or cannot be reached. What was sent since the last commit is sent again by the next run.
    pub fn send_back(mut self, go_on: impl Fn() -> bool) -> Result<SentBack, Failure> {
        let mut chunk = 0;
        let mut heard = Instant::now();
        while go_on() && self.partitions.iter().any(|partition| !partition.done) {
            let consumer = &self.consumer;
            match consumer.poll(STEP) {
                None if heard.elapsed() > 2 * PATIENCE => {
                    let message = format!("the brokers did not give the dead letters of {}", self.topic);
                    return Err(Failure::Unreachable(message));
                }
                None => continue,
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.partitions[partition as usize].done = true;
                }
                Some(Err(error)) => match Failure::of(&format!("cannot read {}", self.topic), &error) {
                    failure @ (Failure::Refused(_) | Failure::Denied(_)) => return Err(failure),
                    _ => continue,
                },
                Some(Ok(message)) => {
                    let partition = &mut self.partitions[message.partition() as usize];
                    if message.offset() >= partition.end {
                        partition.done = true;
                        continue;
                    }
                    let letter = Letter {
                        offset: message.offset(),
                        headers: headers::all(&message).collect(),
                    };
                    let verdict = letter.judge(&partition.handled, &self.reasons, &self.topics.input);
                    partition.next = message.offset() + 1;
                    partition.done = partition.next >= partition.end;
                    settle(
                        verdict,
                        &letter,
                        &message,
                        &self.sender,
                        &self.topics.input,
                        &mut self.sent_back,
                    )?;
                    chunk += 1;
                }
            }
            heard = Instant::now();
            if chunk == CHUNK {
                self.commit()?;
                chunk = 0;
            }
        }
        self.commit()?;
        Ok(self.sent_back)
    }

    /// Waits until everything sent is acknowledged, then commits.
    fn commit(&mut self) -> Result<(), Failure> {
        let deadline = Instant::now() + DELIVERY;
        loop {
            for delivered in self.sender.delivered(STEP)? {
                if let Fate::Failed(code) = delivered.fate {
                    let message = format!("a dead letter was not delivered to {}: {code}", self.topics.input.name);
                    return Err(Failure::of_code(Some(code), message));
                }
            }
            if self.sender.in_flight() == 0 {
                break;
            }
            if Instant::now() >= deadline {
                let message = "the brokers did not acknowledge the dead letters in time".into();
                return Err(Failure::Unreachable(message));
            }
        }
        let failed = |error: KafkaError| Failure::of("cannot commit how far the dead letters were handled", &error);
        let mut list = TopicPartitionList::new();
        for (number, partition) in (0..).zip(&mut self.partitions) {
            partition.handled.advance(&self.reasons, partition.next);
            let mut element = list.add_partition(&self.topic, number);
            partition.handled.write(&mut element).map_err(failed)?;
        }
        self.consumer.commit(&list, CommitMode::Sync).map_err(failed)
    }
}

fn settle(
    verdict: Verdict,
    letter: &Letter<'_>,
    message: &BorrowedMessage<'_>,
    sender: &Sender,
    input: &Topic,
    sent_back: &mut SentBack,
) -> Result<(), Failure> {
    match verdict {
        Verdict::Send {
            reason,
            partition,
            attempts,
        } => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let takes = |timestamp: &i64| input.limits.takes_timestamp(*timestamp, now.as_millis() as i64);
            let outgoing = || Outgoing {
                partition,
                key: message.key(),
                value: message.payload(),
                timestamp: message.timestamp().to_millis().filter(takes),
                headers: letter.original_headers(attempts + 1),
                tag: 0,
            };
            while !sender.send(outgoing())? {
                if sender.in_flight() == 0 {
                    return Err(Failure::Refused(format!(
                        "the dead letter of partition {}, offset {} is larger than the producer's queue holds: raise \
                         queue.buffering.max.kbytes in [kafka.producer]",
                        message.partition(),
                        message.offset()
                    )));
                }
                sender.wait(STEP);
            }
            *sent_back.sent.entry(reason).or_default() += 1;
        }
        Verdict::Leave { reason } => *sent_back.left.entry(reason).or_default() += 1,
        Verdict::Handled => {}
        Verdict::Exhausted => sent_back.exhausted += 1,
        Verdict::Refuse(why) => {
            let place = format!("partition {}, offset {}", message.partition(), message.offset());
            sent_back.refuse(format!("{place}: {why}"));
        }
    }
    Ok(())
}
