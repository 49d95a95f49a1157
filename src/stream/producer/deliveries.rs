//! What librdkafka tells of the records that were handed to it.

use crate::stream::log;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message};
use rdkafka::producer::ProducerContext;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Collects reports of records that were not delivered.
#[derive(Default)]
pub struct Deliveries {
    failed: Mutex<Option<(RDKafkaErrorCode, String)>>,
}

impl Deliveries {
    /// The first record that was not delivered.
    pub fn failed(&self) -> MutexGuard<'_, Option<(RDKafkaErrorCode, String)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        log::forward("producer", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The consumer beside it reports the same state of the brokers.
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();

    /// Only failures are reported.
    fn delivery(&self, delivery: &DeliveryResult<'_>, (): ()) {
        if let Err((error, message)) = delivery {
            let mut failed = self.failed();
            if failed.is_none() {
                let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                let place = format!("{}, partition {}", message.topic(), message.partition());
                *failed = Some((code, format!("a record was not delivered to {place}: {error}")));
            }
        }
    }
}
