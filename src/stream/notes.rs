//! What librdkafka tells a worker's consumer from inside its calls.

use super::lag::Statistics;
use super::log;
use super::vitals::Vitals;
use crate::metrics::Metrics;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A change of partitions that the group asks for and waits on.
#[derive(Debug, Clone)]
pub enum Change {
    Assign(TopicPartitionList),
    Revoke(TopicPartitionList),
}

/// Kept until the worker asks for it.
pub struct Notes {
    topic: String,
    topic_was_replaced: AtomicBool,
    vitals: Arc<Vitals>,
    metrics: Metrics,
    /// librdkafka asks for one change at a time.
    change: Mutex<Option<Change>>,
    errors: Mutex<Vec<KafkaError>>,
    statistics: Mutex<Option<Statistics>>,
    /// Whether the call that is under way waits for a record, and for news.
    waiting: AtomicBool,
    closing: AtomicBool,
}

impl Notes {
    pub fn new(topic: String, vitals: Arc<Vitals>, metrics: Metrics) -> Notes {
        Notes {
            topic,
            topic_was_replaced: AtomicBool::new(false),
            vitals,
            metrics,
            change: Mutex::default(),
            errors: Mutex::default(),
            statistics: Mutex::default(),
            waiting: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    pub fn vitals(&self) -> &Vitals {
        &self.vitals
    }

    /// Leaves the change to the worker, which owns what a checkpoint needs. librdkafka waits for the answer and hands
    /// out no new assignment before.
    pub fn asks_for(&self, change: Change) {
        *lock(&self.change) = Some(change);
    }

    /// The change that was asked for last, if it was not answered.
    pub fn change(&self) -> Option<Change> {
        lock(&self.change).clone()
    }

    pub fn answered(&self) {
        lock(&self.change).take();
    }

    /// An error of the consumer as a whole, or one that came in the place of a record. `reason` is librdkafka's.
    pub fn failed(&self, code: RDKafkaErrorCode, fatal: bool, reason: &str) {
        self.error(KafkaError::Global(code), reason);
        lock(&self.errors).push(if fatal {
            KafkaError::MessageConsumptionFatal(code)
        } else {
            KafkaError::MessageConsumption(code)
        });
    }

    /// Errors that came since the last call, in their order.
    pub fn take_errors(&self) -> Vec<KafkaError> {
        std::mem::take(&mut lock(&self.errors))
    }

    pub fn topic_was_replaced(&self) -> bool {
        self.topic_was_replaced.load(Ordering::Relaxed)
    }

    pub fn take_statistics(&self) -> Option<Statistics> {
        lock(&self.statistics).take()
    }

    pub fn wait(&self, waiting: bool) {
        self.waiting.store(waiting, Ordering::Relaxed);
    }

    pub fn is_waiting(&self) -> bool {
        self.waiting.load(Ordering::Relaxed)
    }

    /// From now on the worker answers no change any more.
    pub fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }

    pub fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Relaxed)
    }
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

/// Whether a log line says that the topic has another id than before, which it has at first, too.
fn is_replacement(message: &str, topic: &str) -> bool {
    const NO_ID: &str = "AAAAAAAAAAAAAAAAAAAAAA";
    let changed = format!("Topic {topic} changed id from ");
    message
        .split_once(&*changed)
        .is_some_and(|(_, ids)| !ids.starts_with(NO_ID))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
