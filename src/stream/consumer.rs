//! A worker's consumer: records in, and notes of the rebalances that the worker has to answer.

use super::clients::ClientFactory;
use super::failure::{Failure, is_missing_topic};
use super::lag::Statistics;
use super::log;
use super::transaction::Membership;
use super::vitals::Vitals;
use crate::metrics::Metrics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{TopicPartitionList, bindings};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A step of a wait, after which signs of life are given.
const STEP: Duration = Duration::from_millis(100);
/// A seek is done inside the client.
const SEEK: Duration = Duration::from_secs(10);

/// A change of partitions that the group asks for and waits on.
#[derive(Debug, Clone)]
pub enum Change {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

/// The consumer, closed when it is dropped: by then the worker has made its last checkpoint.
pub struct Consumer {
    client: BaseConsumer<Notes>,
}

impl Consumer {
    pub fn subscribe(
        factory: &ClientFactory,
        worker: usize,
        vitals: Arc<Vitals>,
        metrics: Metrics,
    ) -> Result<Consumer, Failure> {
        let notes = Notes {
            topic: factory.settings().input_topic.clone(),
            topic_was_replaced: AtomicBool::new(false),
            vitals,
            metrics,
            change: Mutex::default(),
            statistics: Mutex::default(),
            closing: AtomicBool::new(false),
        };
        let client: BaseConsumer<Notes> = factory
            .consumer(worker)
            .create_with_context(notes)
            .map_err(|error| Failure::of("cannot make the consumer", &error))?;
        let topic = &factory.settings().input_topic;
        client
            .subscribe(&[topic])
            .map_err(|error| Failure::of(&format!("cannot subscribe to {topic}"), &error))?;
        Ok(Consumer { client })
    }

    pub fn client(&self) -> &BaseConsumer<Notes> {
        &self.client
    }

    /// The change that the group waits on, if any, until it is answered with [`assign`](Self::assign) or
    /// [`unassign`](Self::unassign).
    pub fn change(&self) -> Option<Change> {
        lock(&self.client.context().change).clone()
    }

    /// Whether the brokers know the topic, `None` where none answers.
    pub fn sees_topic(&self, topic: &str) -> Option<bool> {
        let metadata = self.client.fetch_metadata(Some(topic), Duration::from_secs(5)).ok()?;
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
            let client = self.client.client().native_ptr();
            let queue = bindings::rd_kafka_queue_new(client);
            let sent = bindings::rd_kafka_commit_queue(client, offsets.ptr(), queue, None, std::ptr::null_mut());
            let mut answer = code(sent);
            while answer.is_ok() {
                self.client.context().vitals.beat();
                let event = bindings::rd_kafka_queue_poll(queue, STEP.as_millis() as i32);
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
        Membership::of(&self.client)
    }

    /// Reads on from these offsets.
    pub fn seek(&self, offsets: TopicPartitionList) -> Result<(), Failure> {
        let failed = |place: &str, error: KafkaError| Failure::Rebuild(format!("cannot read again{place}: {error}"));
        let sought = self
            .client
            .seek_partitions(offsets, SEEK)
            .map_err(|error| failed(" what the transaction held", error))?;
        for element in sought.elements() {
            let place = || format!(" from {}, partition {}", element.topic(), element.partition());
            element.error().map_err(|error| failed(&place(), error))?;
        }
        Ok(())
    }

    /// Whether another topic of the same name has taken the place of the one that was read. librdkafka would read on in
    /// it where it stood in the old one; what it has read of it comes after this is true.
    pub fn topic_was_replaced(&self) -> bool {
        self.client.context().topic_was_replaced.load(Ordering::Relaxed)
    }

    /// Statistics that came since the last call.
    pub fn statistics(&self) -> Option<Statistics> {
        lock(&self.client.context().statistics).take()
    }

    /// Whether the partitions were taken away already: a checkpoint for them would come too late.
    pub fn lost_its_assignment(&self) -> bool {
        self.client.assignment_lost()
    }

    pub fn assign(&self, partitions: &TopicPartitionList) -> Result<(), Failure> {
        lock(&self.client.context().change).take();
        let answer = match self.client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.client.incremental_assign(partitions),
            _ => self.client.assign(partitions),
        };
        answer.map_err(|error| Failure::Rebuild(format!("cannot take the assigned partitions: {error}")))
    }

    pub fn unassign(&self, partitions: &TopicPartitionList) -> Result<(), Failure> {
        lock(&self.client.context().change).take();
        let answer = match self.client.rebalance_protocol() {
            RebalanceProtocol::Cooperative => self.client.incremental_unassign(partitions),
            _ => self.client.unassign(),
        };
        answer.map_err(|error| Failure::Rebuild(format!("cannot give the revoked partitions back: {error}")))
    }
}

impl Drop for Consumer {
    fn drop(&mut self) {
        self.client.context().closing.store(true, Ordering::Relaxed);
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

/// What librdkafka tells the consumer from inside poll.
pub struct Notes {
    topic: String,
    topic_was_replaced: AtomicBool,
    vitals: Arc<Vitals>,
    metrics: Metrics,
    /// librdkafka asks for one change at a time.
    change: Mutex<Option<Change>>,
    statistics: Mutex<Option<Statistics>>,
    closing: AtomicBool,
}

impl ClientContext for Notes {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "OFFSET" && matches!(level, RDKafkaLogLevel::Warning) {
            self.metrics.reset_offset();
        }
        // librdkafka tells it in no other way, and before it fetches by the new id.
        if facility == "METADATA" && is_replacement(message, &self.topic) {
            self.topic_was_replaced.store(true, Ordering::Relaxed);
        }
        log::forward("consumer", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            Some(RDKafkaErrorCode::AllBrokersDown) => {
                self.vitals.brokers_down();
                tracing::warn!(reason, "no broker can be reached");
            }
            _ => tracing::warn!(%error, reason, "consumer"),
        }
    }

    fn stats_raw(&self, json: &[u8]) {
        match Statistics::parse(json) {
            Ok(statistics) => {
                if statistics.a_broker_is_up() {
                    self.vitals.broker_answered();
                } else {
                    self.vitals.brokers_down();
                }
                *lock(&self.statistics) = Some(statistics);
            }
            Err(error) => tracing::warn!(%error, "librdkafka's statistics cannot be read"),
        }
    }
}

impl ConsumerContext for Notes {
    /// Leaves the change to the worker, which owns what a checkpoint needs. librdkafka waits for the answer and
    /// hands out no new assignment before.
    fn rebalance(&self, client: &BaseConsumer<Self>, kind: RDKafkaRespErr, partitions: &mut TopicPartitionList) {
        let revoke = kind == RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS;
        if self.closing.load(Ordering::Relaxed) {
            let answer = match client.rebalance_protocol() {
                RebalanceProtocol::Cooperative if revoke => client.incremental_unassign(partitions),
                RebalanceProtocol::Cooperative => client.incremental_assign(&TopicPartitionList::new()),
                _ => client.unassign(),
            };
            if let Err(error) = answer {
                tracing::debug!(%error, "while closing");
            }
            return;
        }
        let change = if revoke {
            Change::Revoke(partitions.clone())
        } else {
            Change::Assign(partitions.clone())
        };
        *lock(&self.change) = Some(change);
    }
}

/// Whether a log line says that the topic has another id than before, which it has at first, too.
fn is_replacement(message: &str, topic: &str) -> bool {
    const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    let changed = format!("Topic {topic} changed id from ");
    message
        .split_once(&*changed)
        .is_some_and(|(_, ids)| !ids.starts_with(NO_ID))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
