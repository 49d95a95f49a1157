//! A worker's producer: records out, and word of those that did not arrive.

mod batches;
mod deliveries;
mod transactional;

pub use super::raw::Target;

use self::batches::Batches;
use self::deliveries::Deliveries;
use super::clients::{ClientFactory, number};
use super::failure::{Failure, is_missing_topic};
use super::limits::Limits;
use super::raw::{Sender, milliseconds};
use super::topics::Topics;
use super::transaction::{Remedy, Transactions};
use super::vitals::Vitals;
use crate::config::Guarantee;
use crate::metrics::Metrics;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::OwnedHeaders;
use rdkafka::producer::{BaseProducer, Producer as _};
use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A step of a wait, after which signs of life are given.
const STEP: Duration = Duration::from_millis(10);
/// A step of the wait for room in the queue.
const ROOM: Duration = Duration::from_millis(1);
/// After this time librdkafka asks for a producer's id by itself.
const ID_COMES_ANYWAY: Duration = Duration::from_millis(500);
/// How much later than asked for librdkafka notices that a new producer's topic has not come.
const NOTICE: Duration = Duration::from_secs(5);

/// A record to be produced. Everything is carried over from the input but the value.
#[derive(Debug)]
pub struct OutputRecord<'r> {
    pub target: Target,
    pub partition: i32,
    pub key: Option<&'r [u8]>,
    pub value: Option<&'r [u8]>,
    /// Milliseconds since 1970; `None` is now.
    pub timestamp: Option<i64>,
    pub headers: Option<OwnedHeaders>,
}

pub struct Producer {
    sender: Sender<Deliveries>,
    vitals: Arc<Vitals>,
    /// Where it is set, records go out in transactions, and nothing goes out without one.
    transactional_id: Option<String>,
    /// Whether a transaction has begun and not ended.
    open: Cell<bool>,
    batches: Batches,
    metrics: Metrics,
    output: String,
    dead_letter: String,
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
        let (output, dead_letter) = (topics.output.name.clone(), topics.dead_letter.name.clone());
        let sender = config
            .create_with_context(Deliveries::default())
            .and_then(|client| Sender::new(client, &output, &dead_letter))
            .map_err(|error| Failure::of("cannot make the producer", &error))?;
        Ok(Producer {
            sender,
            vitals,
            transactional_id,
            output,
            dead_letter,
            open: Cell::new(false),
            batches: Batches::default(),
            metrics,
            queue_bytes,
            topics_awaited_until: Instant::now() + factory.settings().startup_timeout + NOTICE,
            compresses,
            patience: Duration::from_millis(timeout) + Duration::from_secs(5),
        })
    }

    /// Sees to it that the first records need not wait for an id of this producer.
    ///
    /// librdkafka (as of 2.12) asks for one when it receives metadata and is connected to a broker that is not just a
    /// bootstrap server, or else half a second after its start.
    pub fn prepare(&self) {
        if self.transactional_id.is_none() {
            // Where there is no answer, the records wait, and whoever sends them learns why.
            let _ = self
                .client()
                .client()
                .fetch_metadata(Some(&self.output), ID_COMES_ANYWAY);
        }
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
    pub fn send(&self, mut record: OutputRecord<'_>) -> Result<Result<(), TooLarge>, Failure> {
        self.begin()?;
        if record.value.map_or(0, <[u8]>::len) > self.queue_bytes {
            return Ok(Err(TooLarge));
        }
        // Only where the queue is full is the time asked for.
        let mut started = None;
        loop {
            match self.sender.send(&mut record) {
                Ok(()) => {
                    self.batches.sent_record();
                    return Ok(Ok(()));
                }
                Err(RDKafkaErrorCode::QueueFull)
                    if started.get_or_insert_with(Instant::now).elapsed() < self.patience =>
                {
                    self.vitals.beat();
                    // The crate's own wait turns round and round in its last millisecond.
                    std::thread::park_timeout(ROOM);
                    self.client().poll(Duration::ZERO);
                    self.check()?;
                }
                Err(RDKafkaErrorCode::MessageSizeTooLarge) => return Ok(Err(TooLarge)),
                Err(code) => {
                    self.check()?;
                    let target = match record.target {
                        Target::Output => &self.output,
                        Target::DeadLetter => &self.dead_letter,
                    };
                    let error = KafkaError::MessageProduction(code);
                    return Err(self.judge(Failure::of(&format!("cannot produce to {target}"), &error)));
                }
            }
        }
    }

    fn client(&self) -> &BaseProducer<Deliveries> {
        self.sender.client()
    }

    /// A batch was sent as a whole; `oldest_input` is the timestamp of its oldest input. The acknowledgement of its last
    /// output, or the commit of its transaction, is the end of the way whose length is measured.
    pub fn batch_ends(&self, oldest_input: i64) {
        self.batches.end(oldest_input);
    }

    /// Serves what librdkafka has to tell for `time`, which may be zero.
    pub fn serve(&self, time: Duration) -> Result<(), Failure> {
        self.client().poll(time);
        self.check()?;
        self.measure_acknowledged();
        Ok(())
    }

    /// Takes the time of the batches that are acknowledged. Those of a transaction have not arrived before its commit.
    fn measure_acknowledged(&self) {
        if self.transactional_id.is_none() {
            self.measure(self.client().in_flight_count());
        }
    }

    /// Takes the time of the batches that have arrived, now that so many records are left.
    fn measure(&self, left: i32) {
        for oldest_input in self.batches.arrived(u64::from(left.unsigned_abs())) {
            self.metrics.answered_batch(since(oldest_input));
        }
    }

    /// Waits until every record sent so far is acknowledged, at most until `deadline` where there is one.
    ///
    /// # Errors
    /// A record that could not be delivered: it may or may not be in the log, and must not be sent again by this
    /// producer.
    pub fn drain(&self, deadline: Option<Instant>) -> Result<(), Failure> {
        let last = Instant::now() + self.patience;
        let deadline = deadline.map_or(last, |deadline| deadline.min(last));
        while self.client().in_flight_count() > 0 {
            self.vitals.beat();
            self.flush_step();
            self.client().poll(Duration::ZERO);
            self.check()?;
            if Instant::now() >= deadline && self.client().in_flight_count() > 0 {
                let open = self.client().in_flight_count();
                let late = format!("{open} records were not acknowledged in time");
                return Err(self.judge(Failure::Unreachable(late)));
            }
        }
        self.check()?;
        self.measure_acknowledged();
        Ok(())
    }

    /// Sends what lingers and waits one step. The crate's own flush waits in steps of 100 ms.
    #[expect(unsafe_code, reason = "the crate's flush waits in steps of 100 ms")]
    fn flush_step(&self) {
        // SAFETY: the pointer is that of a living client, which is thread safe.
        unsafe { rdkafka::bindings::rd_kafka_flush(self.client().client().native_ptr(), milliseconds(STEP)) };
    }

    /// The first delivery that failed, if any has.
    fn check(&self) -> Result<(), Failure> {
        if let Some((code, message)) = self.client().context().failed().clone() {
            // An older producer notices at once that a topic is gone, and the next one waits for it.
            if is_missing_topic(code) && Instant::now() < self.topics_awaited_until {
                return Err(Failure::Refused(format!(
                    "{message}; create the topic with `flight-delay-scorer topics`"
                )));
            }
            return Err(self.judge(Failure::of_code(Some(code), message)));
        }
        if let Some((_, reason)) = self.client().client().fatal_error() {
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
                let cause = Transactions::of(self.client()).begin().err();
                match cause.filter(|cause| cause.remedy == Remedy::Abort) {
                    Some(cause) => {
                        let (output, dead_letter) = (&self.output, &self.dead_letter);
                        cause.failure(&format!("write to {output} or {dead_letter} in a transaction"))
                    }
                    None => Failure::Abort(Box::new(failure)),
                }
            }
            other => other,
        }
    }
}

/// A record that is larger than what the client may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge;

/// How long ago this was, in milliseconds since 1970.
fn since(timestamp: i64) -> Duration {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(Duration::from_millis(timestamp.max(0) as u64))
}
