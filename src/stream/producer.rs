//! A worker's producer: records out, delivery reports in.

use super::clients::{ClientFactory, number};
use super::failure::{Failure, is_missing_topic};
use super::limits::Limits;
use super::topics::Topics;
use super::transaction::{Membership, Remedy, TransactionError, Transactions};
use super::vitals::Vitals;
use crate::config::Guarantee;
use crate::metrics::Metrics;
use rdkafka::TopicPartitionList;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer as _, ProducerContext};
use std::cell::{Cell, RefCell};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A step of a wait, after which signs of life are given.
const STEP: Duration = Duration::from_millis(10);
/// The same for a transactional call, which may have to be made again.
const CALL: Duration = Duration::from_secs(5);
/// How long a new producer waits for the transaction coordinator, and for the end of what its forerunner left open.
const INIT: Duration = Duration::from_secs(60);
/// What a producer that is given up spends on its open transaction; its successor aborts it in any case.
const LAST_ABORT: Duration = Duration::from_secs(1);

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
    /// Timestamp of the oldest record of the batch, on the batch's last output: its acknowledgement, or the commit of
    /// its transaction, is the end of the way whose length is measured.
    pub oldest_input: Option<i64>,
}

pub struct Producer {
    client: BaseProducer<Deliveries>,
    vitals: Arc<Vitals>,
    /// Where it is set, records go out in transactions, and nothing goes out without one.
    transactional_id: Option<String>,
    /// Whether a transaction has begun and not ended.
    open: Cell<bool>,
    /// Timestamps of the oldest record of each batch in the open transaction: their way ends with its commit.
    oldest_inputs: RefCell<Vec<i64>>,
    /// The topics by name.
    targets: String,
    /// Longer than any message may stay undelivered.
    patience: Duration,
    /// What librdkafka's queue holds: a larger record would wait for room for ever.
    queue_bytes: usize,
    /// Until when librdkafka waits for a topic that is not there, which it does once.
    topics_awaited_until: Instant,
    /// Whether records are sent compressed, at least as well as lz4 does it.
    compresses: bool,
}

impl Producer {
    /// A producer for the output and the dead letter topic.
    pub fn new(
        factory: &ClientFactory,
        worker: usize,
        guarantee: Guarantee,
        topics: &Topics,
        vitals: Arc<Vitals>,
        metrics: Metrics,
    ) -> Result<Producer, Failure> {
        let takes = [&topics.output, &topics.dead_letter].map(|topic| topic.limits.max_message_bytes);
        let config = factory.producer(worker, guarantee, takes[0].min(takes[1]));
        let timeout = number(&config, "message.timeout.ms").unwrap_or(120_000);
        let kilobytes = number(&config, "queue.buffering.max.kbytes");
        let queue_bytes = kilobytes.unwrap_or(usize::MAX / 1024).saturating_mul(1024);
        let transactional_id = config.get("transactional.id").map(str::to_owned);
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
            transactional_id,
            targets: format!("{} or {}", topics.output.name, topics.dead_letter.name),
            open: Cell::new(false),
            oldest_inputs: RefCell::default(),
            queue_bytes,
            topics_awaited_until: Instant::now() + factory.settings().startup_timeout + NOTICE,
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

    /// Hands a record to librdkafka, waiting for room in its queue. Begins a transaction where one is needed.
    ///
    /// # Errors
    /// `Ok(Err(TooLarge))` concerns this record only; everything else ends the worker or its transaction.
    pub fn send(&self, record: OutputRecord<'_>) -> Result<Result<(), TooLarge>, Failure> {
        self.begin()?;
        let opaque = match record.oldest_input {
            // Reported at the commit.
            Some(_) if self.transactional_id.is_some() => 0,
            Some(timestamp) => timestamp.max(1) as usize,
            None => 0,
        };
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
                Ok(()) => {
                    if self.transactional_id.is_some() {
                        self.oldest_inputs.borrow_mut().extend(record.oldest_input);
                    }
                    return Ok(Ok(()));
                }
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
                Err((error, _)) => {
                    self.check()?;
                    return Err(self.judge(Failure::of(&format!("cannot produce to {}", record.topic), &error)));
                }
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
                let late = format!("{open} records were not acknowledged in time");
                return Err(self.judge(Failure::Unreachable(late)));
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
        if let Some((code, message)) = self.client.context().failed().clone() {
            // An older producer notices at once that a topic is gone, and the next one waits for it.
            if is_missing_topic(code) && Instant::now() < self.topics_awaited_until {
                return Err(Failure::Refused(format!(
                    "{message}; create the topic with `flight-delay-scorer topics`"
                )));
            }
            return Err(self.judge(Failure::of_code(Some(code), message)));
        }
        if let Some((_, reason)) = self.client.client().fatal_error() {
            return Err(Failure::Rebuild(format!("the producer cannot go on: {reason}")));
        }
        Ok(())
    }

    /// A record that was not delivered is a gap: without a transaction only a new worker can make it again, in a
    /// transaction nobody has seen the records around it.
    fn judge(&self, failure: Failure) -> Failure {
        match failure {
            failure @ (Failure::Rebuild(_) | Failure::Unreachable(_)) if self.open.get() => {
                // Records are purged when their transaction fails. Why it did is told to who asks for another.
                let cause = Transactions::of(&self.client).begin().err();
                match cause.filter(|cause| cause.remedy == Remedy::Abort) {
                    Some(cause) => cause.failure(&format!("write to {} in a transaction", self.targets)),
                    None => Failure::Abort(Box::new(failure)),
                }
            }
            other => other,
        }
    }
}

/// Transactions.
impl Producer {
    /// Fences a producer of the same transactional id, if there is one, and waits for the end of what it left open.
    /// Goes on until `give_up` says so.
    pub fn init(&self, give_up: impl Fn() -> bool) -> Result<(), Failure> {
        let Some(id) = &self.transactional_id else {
            return Ok(());
        };
        let deadline = Instant::now() + INIT;
        let doing = format!("begin transactions as transactional.id {id}");
        self.retry(deadline, &doing, &give_up, |time| {
            Transactions::of(&self.client).init(time)
        })
        .map_err(Failure::without_transaction)
    }

    fn begin(&self) -> Result<(), Failure> {
        if self.transactional_id.is_none() || self.open.get() {
            return Ok(());
        }
        Transactions::of(&self.client)
            .begin()
            .map_err(|error| error.failure("begin a transaction"))?;
        self.open.set(true);
        Ok(())
    }

    /// Whether there is a transaction that has to be committed or aborted.
    pub fn has_open_transaction(&self) -> bool {
        self.open.get()
    }

    /// Commits the transaction with these offsets in it. Everything sent has to be acknowledged before.
    ///
    /// # Errors
    /// `Abort` where the transaction did not commit and has to be aborted. `Unreachable` where it is not known whether
    /// it did: a new producer settles that.
    pub fn commit(
        &self,
        offsets: &TopicPartitionList,
        membership: &Membership,
        deadline: Instant,
    ) -> Result<(), Failure> {
        let transactions = Transactions::of(&self.client);
        self.retry(
            deadline,
            "add offsets to the transaction",
            || false,
            |time| transactions.send_offsets(offsets, membership, time),
        )
        .map_err(|failure| match failure {
            // Not committed, so it can be aborted and made again.
            late @ Failure::Unreachable(_) => Failure::Abort(Box::new(late)),
            other => other,
        })?;
        self.retry(
            deadline,
            "commit the transaction",
            || false,
            |time| transactions.commit(time),
        )?;
        self.open.set(false);
        for timestamp in self.oldest_inputs.borrow_mut().drain(..) {
            self.client.context().metrics.answered_batch(since(timestamp));
        }
        Ok(())
    }

    /// Aborts the transaction, if one is open. Nothing of it will be read by readers of committed records.
    pub fn abort(&self, deadline: Instant) -> Result<(), Failure> {
        if !self.open.get() {
            return Ok(());
        }
        self.retry(
            deadline,
            "abort the transaction",
            || false,
            |time| {
                // Records that are purged leave the count only when their reports are served.
                self.client.poll(Duration::ZERO);
                let step = if self.client.in_flight_count() > 0 { STEP } else { time };
                Transactions::of(&self.client).abort(step)
            },
        )
        .map_err(Failure::without_transaction)?;
        self.client.poll(Duration::ZERO);
        // What failed belonged to the transaction.
        self.client.context().failed().take();
        self.oldest_inputs.borrow_mut().clear();
        self.open.set(false);
        Ok(())
    }

    /// Calls again as long as the error asks for it and there is time.
    fn retry(
        &self,
        deadline: Instant,
        doing: &str,
        give_up: impl Fn() -> bool,
        call: impl Fn(Duration) -> Result<(), TransactionError>,
    ) -> Result<(), Failure> {
        loop {
            self.vitals.beat();
            let left = deadline.saturating_duration_since(Instant::now());
            match call(left.min(CALL)) {
                Ok(()) => return Ok(()),
                Err(error) if error.remedy == Remedy::Retry && Instant::now() < deadline && !give_up() => {
                    tracing::debug!(%error, doing, "tried again");
                    self.client.poll(STEP);
                }
                Err(error) => return Err(error.failure(doing)),
            }
        }
    }
}

impl Drop for Producer {
    /// Readers of committed records wait for the end of a transaction: an open one is not left to its time-out.
    fn drop(&mut self) {
        if let Err(failure) = self.abort(Instant::now() + LAST_ABORT) {
            tracing::debug!(%failure, "while closing");
        }
    }
}

fn since(timestamp: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(timestamp.max(0) as u64))
}

/// A record that is larger than what the client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// Collects delivery reports.
struct Deliveries {
    failed: Mutex<Option<(RDKafkaErrorCode, String)>>,
    metrics: Metrics,
}

impl Deliveries {
    fn failed(&self) -> MutexGuard<'_, Option<(RDKafkaErrorCode, String)>> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
            Ok(_) => self.metrics.answered_batch(since(oldest_input as i64)),
            Err((error, message)) => {
                let mut failed = self.failed();
                if failed.is_none() {
                    let code = error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail);
                    let place = format!("{}, partition {}", message.topic(), message.partition());
                    *failed = Some((code, format!("a record was not delivered to {place}: {error}")));
                }
            }
        }
    }
}
