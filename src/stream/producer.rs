//! A worker's producer: records out, delivery reports in.

use super::clients::ClientFactory;
use super::failure::{Failure, is_missing_topic};
use super::limits::Limits;
use super::topics::Topics;
use super::vitals::Vitals;
use crate::metrics::Metrics;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A step of a wait, after which signs of life are given.
const STEP: Duration = Duration::from_millis(10);

/// How much later than asked for librdkafka notices that a new producer's topic has not come.
const NOTICE: Duration = Duration::from_secs(5);

/// A record to be produced. Everything is carried over from the input but the value.
#[derive(Debug)]
pub struct OutputRecord<'r> {
    pub topic: &'r str,
    pub partition: i32,
    pub key: Option<&'r [u8]>,
    pub value: Option<&'r [u8]>,
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
    pub headers: Option<OwnedHeaders>,
    /// Timestamp of the oldest record of the batch, on the batch's last output: its acknowledgement is the
    /// end of the way whose length is measured.
    pub oldest_input: Option<i64>,
}

pub struct Producer {
    client: BaseProducer<Deliveries>,
    vitals: Arc<Vitals>,
    /// Longer than any message may stay undelivered.
    patience: Duration,
    /// What librdkafka's queue holds: a larger record would wait for room for ever.
    queue_bytes: usize,
    made: Instant,
    /// How long from its making on librdkafka waits for a topic that is not there.
    topic_patience: Duration,
    /// Whether records are sent compressed, at least as well as lz4 does it.
    compresses: bool,
}

impl Producer {
    /// A producer for the output and the dead letter topic.
    pub fn new(
        factory: &ClientFactory,
        worker: usize,
        topics: &Topics,
        vitals: Arc<Vitals>,
        metrics: Metrics,
    ) -> Result<Producer, Failure> {
        let takes = [&topics.output, &topics.dead_letter].map(|topic| topic.limits.max_message_bytes);
        let config = factory.producer(worker, takes[0].min(takes[1]));
        let timeout = config
            .get("message.timeout.ms")
            .and_then(|ms| ms.parse().ok())
            .unwrap_or(120_000);
        let kilobytes = config
            .get("queue.buffering.max.kbytes")
            .and_then(|kilobytes| kilobytes.parse().ok());
        let queue_bytes = kilobytes.unwrap_or(usize::MAX / 1024).saturating_mul(1024);
        let compresses = matches!(config.get("compression.type"), Some("lz4" | "zstd" | "gzip"));
        let deliveries = Deliveries {
            failed: Mutex::new(None),
            metrics,
        };
        let client = config
            .create_with_context(deliveries)
            .map_err(|error| Failure::of("cannot make the producer", &error))?;
        Ok(Producer {
            client,
            vitals,
            queue_bytes,
            made: Instant::now(),
            topic_patience: factory.settings().startup_timeout,
            compresses,
            patience: Duration::from_millis(timeout) + Duration::from_secs(5),
        })
    }

    /// Whether a record with this value, and with so many bytes of key and headers, is taken by a topic with these limits
    /// when it is sent as this producer sends it.
    pub fn takes(&self, limits: &Limits, beside: usize, value: &[u8]) -> bool {
        if self.compresses {
            limits.takes_compressed(beside, value)
        } else {
            limits.takes_bytes(beside + value.len())
        }
    }

    /// Hands a record to librdkafka, waiting for room in its queue.
    ///
    /// # Errors
    /// `Ok(Err(TooLarge))` concerns this record only; everything else ends the worker.
    pub fn send(&self, record: OutputRecord<'_>) -> Result<Result<(), TooLarge>, Failure> {
        let opaque = record.oldest_input.map_or(0, |timestamp| timestamp.max(1) as usize);
        let mut outgoing: BaseRecord<'_, [u8], [u8], usize> =
            BaseRecord::with_opaque_to(record.topic, opaque).partition(record.partition);
        outgoing.key = record.key;
        outgoing.payload = record.value;
        outgoing.timestamp = record.timestamp;
        outgoing.headers = record.headers;
        if record.value.map_or(0, <[u8]>::len) > self.queue_bytes {
            return Ok(Err(TooLarge));
        }
        let started = Instant::now();
        loop {
            match self.client.send(outgoing) {
                Ok(()) => return Ok(Ok(())),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back))
                    if started.elapsed() < self.patience =>
                {
                    outgoing = back;
                    self.vitals.beat();
                    self.client.poll(STEP);
                    self.check()?;
                }
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                    return Ok(Err(TooLarge));
                }
                Err((error, _)) => return Err(Failure::of(&format!("cannot produce to {}", record.topic), &error)),
            }
        }
    }

    /// Serves delivery reports for `time`, which may be zero.
    pub fn serve(&self, time: Duration) -> Result<(), Failure> {
        self.client.poll(time);
        self.check()
    }

    /// Waits until every record sent so far is acknowledged, at most until `deadline` where there is one.
    ///
    /// # Errors
    /// A record that could not be delivered: it may or may not be in the log, and must not be sent again by this
    /// producer.
    pub fn drain(&self, deadline: Option<Instant>) -> Result<(), Failure> {
        let last = Instant::now() + self.patience;
        let deadline = deadline.map_or(last, |deadline| deadline.min(last));
        while self.client.in_flight_count() > 0 {
            self.vitals.beat();
            self.flush_step();
            self.client.poll(Duration::ZERO);
            self.check()?;
            if Instant::now() >= deadline && self.client.in_flight_count() > 0 {
                let open = self.client.in_flight_count();
                return Err(Failure::Unreachable(format!(
                    "{open} records were not acknowledged in time"
                )));
            }
        }
        self.check()
    }

    /// Sends what lingers and waits one step. The crate's own flush waits in steps of 100 ms.
    #[expect(unsafe_code, reason = "the crate's flush waits in steps of 100 ms")]
    fn flush_step(&self) {
        // SAFETY: the pointer is that of a living client, which is thread safe.
        unsafe { rdkafka::bindings::rd_kafka_flush(self.client.client().native_ptr(), STEP.as_millis() as i32) };
    }

    /// The first delivery that failed, if any has.
    fn check(&self) -> Result<(), Failure> {
        if let Some((code, message)) = self
            .client
            .context()
            .failed
            .lock()
            .unwrap_or_else(|e| e.into_inner())
            .clone()
        {
            // An older producer notices at once that a topic is gone, and the next one waits for it.
            if is_missing_topic(code) && self.made.elapsed() < self.topic_patience + NOTICE {
                return Err(Failure::Refused(format!(
                    "{message}; create the topic with `flight-delay-scorer topics`"
                )));
            }
            return Err(Failure::of_code(Some(code), message));
        }
        if let Some((_, reason)) = self.client.client().fatal_error() {
            return Err(Failure::Rebuild(format!("the producer cannot go on: {reason}")));
        }
        Ok(())
    }
}

/// A record that is larger than what the client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Collects delivery reports.
struct Deliveries {
    failed: Mutex<Option<(RDKafkaErrorCode, String)>>,
    metrics: Metrics,
}

impl ClientContext for Deliveries {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        super::log::forward("producer", level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // The consumer beside it reports the same state of the brokers.
        tracing::debug!(%error, reason, "producer");
    }
}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, delivery: &DeliveryResult<'_>, oldest_input: usize) {
        match delivery {
            Ok(_) if oldest_input == 0 => {}
            Ok(_) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let since = now.saturating_sub(Duration::from_millis(oldest_input as u64));
                self.metrics.acknowledged_batch(since);
            }
            Err((error, message)) => {
                let mut failed = self.failed.lock().unwrap_or_else(|e| e.into_inner());
                if failed.is_none() {
                    let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                    let place = format!("{}, partition {}", message.topic(), message.partition());
                    *failed = Some((code, format!("a record was not delivered to {place}: {error}")));
                }
            }
        }
    }
}
