//! One run: its rows on their way, and what is known of them.

use super::checker::{Checker, Expectation};
use super::ledger::{self, Ledger, MAX_ROWS};
use super::outcome::{self, Outcome};
use super::partitioner::partition_of;
use super::reader::Reader;
use super::report::{Latencies, Report};
use super::schedule::Next;
use super::sender::{Delivered, Fate, Outgoing, Sender};
use super::stall::Stall;
use super::{Offsets, PATIENCE, Rows, STEP, Schedule};
use crate::model::Model;
use crate::output::Format;
use crate::stream::topics::Topics;
use crate::stream::{ClientFactory, Failure};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Records handled in one turn of sending or reading.
const TURN: usize = 1000;
/// How often the watcher is asked.
const WATCH: Duration = Duration::from_millis(100);
/// After this long without a record, nothing but the marks of transactions is left before the end.
const SETTLED: Duration = Duration::from_millis(500);

/// What is sent, and what is waited for.
#[derive(Debug)]
pub struct Plan {
    pub rows: Rows,
    pub schedule: Schedule,
    /// The key is the flight's carrier and number, and decides the partition.
    pub keys: bool,
    /// How long outcomes may be missing without any progress before the rest counts as lost.
    pub wait: Duration,
    /// How long the service's group may take to commit what it has processed. Until then it can make outcomes again.
    pub commit: Duration,
}

/// How far a run is.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    pub sent: u64,
    /// Rows to send, where that is known.
    pub rows: Option<u64>,
    /// Rows that have an outcome.
    pub outcomes: u64,
    pub elapsed: Duration,
}

/// What a run is to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    GoOn,
    /// Send no more rows, and wait for the outcomes of those that were sent.
    StopSending,
    /// End now, without a report.
    Abandon,
}

/// Is told how a run is going, and can end it.
pub trait Watcher {
    /// Asked several times a second.
    fn watch(&mut self, progress: Progress) -> Control;

    /// A row's first outcome was read.
    fn outcome(&mut self, outcome: &Outcome<'_>);
}

/// A run. One thread does it all: it hands over the rows that are due, enters the delivery reports, reads outcomes.
pub struct Run<'p> {
    plan: &'p Plan,
    id: String,
    sender: Sender,
    reader: Reader,
    offsets: Offsets,
    ledger: Ledger,
    checker: Checker,
    latencies: Latencies,
    stall: Stall,
    /// Where rows without a key go.
    partitions: i32,
    started: Instant,
    /// The start in milliseconds since 1970.
    epoch: u64,
    spoiled: Vec<u8>,
    /// Since the start: when the watcher was asked last.
    watched: Option<Duration>,
    /// Since the start: the last time that a row was sent or acknowledged or got its outcome.
    progressed: Duration,
    /// Since the start: the last first outcome.
    finished: Duration,
    /// Since the start: the last outcome.
    heard: Duration,
}

impl<'p> Run<'p> {
    /// Makes the clients and finds the ends of the topics. `format` and `model` are those of the service.
    ///
    /// # Errors
    /// The brokers refuse or do not answer.
    pub fn new(
        factory: &ClientFactory,
        topics: &Topics,
        model: &Model,
        format: Format,
        plan: &'p Plan,
    ) -> Result<Run<'p>, Failure> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = format!("{:x}-{:x}", now.as_millis(), std::process::id());
        // First, so that it is connected by the time the first row is due.
        let sender = Sender::new(factory, &topics.input, PATIENCE)?;
        let offsets = Offsets::new(factory, topics.input.partitions)?;
        let reader = Reader::new(factory, topics, &offsets, &id, PATIENCE)?;
        let ends = offsets.ends(&topics.input.name, topics.input.partitions, PATIENCE)?;
        let expectation = Expectation {
            format,
            input_topic: topics.input.name.clone(),
            model: model.short_sha256().to_owned(),
            timestamps: !topics.input.limits.log_append_time,
        };
        Ok(Run {
            plan,
            sender,
            reader,
            offsets,
            ledger: Ledger::new(&ends),
            checker: Checker::new(expectation, topics.input.partitions),
            latencies: Latencies::new(),
            stall: Stall::default(),
            partitions: topics.input.partitions,
            started: Instant::now(),
            epoch: 0,
            spoiled: Vec::new(),
            watched: None,
            progressed: Duration::ZERO,
            finished: Duration::ZERO,
            heard: Duration::ZERO,
            id,
        })
    }

    /// Sends the rows and reads until each has its outcome, or too long nothing came. `None` where the watcher
    /// abandons it.
    ///
    /// # Errors
    /// The brokers refuse, or the producer cannot go on.
    pub fn run(mut self, watcher: &mut impl Watcher) -> Result<Option<Report>, Failure> {
        self.started = Instant::now();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        self.epoch = now.as_millis() as u64;
        let mut sending = true;
        loop {
            match self.control(watcher) {
                Control::GoOn => {}
                Control::StopSending => sending = false,
                Control::Abandon => return Ok(None),
            }
            let next = if sending { self.send()? } else { Next::Done };
            self.enter_deliveries()?;
            let wait = match next {
                Next::Send => Duration::ZERO,
                // Shorter waits would be none for librdkafka, and keep a core busy.
                Next::Wait(time) => time.clamp(Duration::from_millis(1), STEP),
                Next::Done => STEP,
            };
            self.read(wait, watcher)?;
            if next == Next::Done {
                sending = false;
                let outstanding = self.ledger.in_flight() > 0 || self.ledger.awaited() > 0;
                if !outstanding {
                    self.settle(watcher)?;
                    break;
                }
                if self.started.elapsed().saturating_sub(self.progressed) > self.plan.wait {
                    break;
                }
            }
        }
        Ok(Some(self.report()))
    }

    /// Hands over rows that are due, as many as the producer takes in one turn. Returns what there is to do next.
    fn send(&mut self) -> Result<Next, Failure> {
        for _ in 0..TURN {
            let number = self.ledger.sent();
            let now = self.started.elapsed();
            match self.plan.schedule.next(number, now) {
                Next::Send if number < MAX_ROWS => {}
                Next::Send => return Ok(Next::Done),
                next => return Ok(next),
            }
            let row = self.plan.rows.get(number, &mut self.spoiled);
            let key = row.key.filter(|_| self.plan.keys);
            let partition = match key {
                Some(key) => partition_of(key, self.partitions),
                None => (number % self.partitions as u64) as i32,
            };
            let sequence = self.ledger.next_sequence(partition);
            let outgoing = Outgoing {
                partition,
                key,
                value: Some(row.value),
                timestamp: Some(timestamp(self.epoch, ledger::to_tick(now))),
                headers: outcome::headers(&self.id, partition, sequence),
                tag: sequence,
            };
            if !self.sender.send(outgoing)? {
                return Ok(Next::Wait(Duration::ZERO));
            }
            self.ledger.enter(partition, number, now);
            self.stall.awaits(now);
            self.progressed = now;
        }
        Ok(Next::Send)
    }

    fn enter_deliveries(&mut self) -> Result<(), Failure> {
        let delivered = self.sender.delivered(Duration::ZERO)?;
        if !delivered.is_empty() {
            self.progressed = self.started.elapsed();
        }
        for Delivered {
            partition,
            tag: sequence,
            fate,
        } in delivered
        {
            match fate {
                Fate::Acknowledged(offset) => self.checker.acknowledge(&mut self.ledger, partition, sequence, offset),
                Fate::Failed(code) => {
                    if self.ledger.failed() == 0 {
                        tracing::warn!(partition, sequence, %code, "a row was not delivered, perhaps others as well");
                    }
                    self.ledger.fail(partition, sequence);
                }
            }
        }
        Ok(())
    }

    /// Waits for a record, and reads what comes with it. Returns whether one came.
    fn read(&mut self, wait: Duration, watcher: &mut impl Watcher) -> Result<bool, Failure> {
        let mut wait = wait;
        for turn in 0..TURN {
            let Run {
                plan,
                reader,
                ledger,
                checker,
                latencies,
                stall,
                started,
                epoch,
                spoiled,
                progressed,
                finished,
                heard,
                ..
            } = self;
            let came = reader.read(wait, |outcome| {
                let now = started.elapsed();
                *heard = now;
                let sent = checker.outcome(ledger, &outcome, |sent| {
                    let mut row = plan.rows.get(sent.number, spoiled);
                    row.key = row.key.filter(|_| plan.keys);
                    (row, timestamp(*epoch, sent.handed))
                });
                if let Some(sent) = sent.filter(|sent| sent.first) {
                    let due = plan.schedule.due(sent.number).unwrap_or(sent.handed);
                    latencies.record(now.saturating_sub(due));
                    (*progressed, *finished) = (now, now);
                    watcher.outcome(&outcome);
                }
                stall.came(now, ledger.awaited() > 0);
            })?;
            if !came {
                return Ok(turn > 0);
            }
            wait = Duration::ZERO;
        }
        Ok(true)
    }

    /// Every row has its outcome. What else comes are outcomes that come again, until the group has committed.
    fn settle(&mut self, watcher: &mut impl Watcher) -> Result<(), Failure> {
        let mut asked: Option<Instant> = None;
        while self.started.elapsed() - self.heard < self.plan.commit && self.control(watcher) != Control::Abandon {
            if asked.is_none_or(|asked| asked.elapsed() >= WATCH) {
                if self.offsets.committed_reach(&self.ledger.ends(), SETTLED) {
                    break;
                }
                asked = Some(Instant::now());
            }
            self.read(STEP, watcher)?;
        }
        let ends = match self.reader.ends(&self.offsets, PATIENCE) {
            Ok(ends) => ends,
            Err(failure) => {
                tracing::warn!("the ends of the topics are not known, and perhaps not all was read: {failure}");
                return Ok(());
            }
        };
        let mut came = Instant::now();
        while !self.reader.has_reached(&ends) && came.elapsed() < SETTLED {
            if self.read(STEP, watcher)? {
                came = Instant::now();
            }
        }
        Ok(())
    }

    /// Asks the watcher, if that is due.
    fn control(&mut self, watcher: &mut impl Watcher) -> Control {
        let now = self.started.elapsed();
        if self.watched.is_some_and(|watched| now - watched < WATCH) {
            return Control::GoOn;
        }
        self.watched = Some(now);
        watcher.watch(Progress {
            sent: self.ledger.sent(),
            rows: self.plan.schedule.rows(),
            outcomes: self.checker.counts.scored + self.checker.counts.dead_lettered,
            elapsed: now,
        })
    }

    fn report(mut self) -> Report {
        let now = self.started.elapsed();
        self.stall.came(now, false);
        let mut lost = 0;
        for (partition, sequence) in self.ledger.lost() {
            lost += 1;
            self.checker.examples.add("lost", partition, sequence, None);
        }
        let counts = self.checker.counts;
        let outcomes = counts.scored + counts.dead_lettered;
        let seconds = if outcomes > 0 { self.finished } else { now }.as_secs_f64();
        Report {
            run: self.id,
            sent: self.ledger.sent(),
            acknowledged: self.ledger.acknowledged(),
            unacknowledged: self.ledger.sent() - self.ledger.acknowledged(),
            scored: counts.scored,
            dead_lettered: counts.dead_lettered,
            lost,
            duplicated: counts.duplicated,
            out_of_order: counts.out_of_order,
            wrong: counts.wrong,
            unverified: counts.unverified,
            seconds,
            rows_per_second: outcomes as f64 / seconds.max(f64::MIN_POSITIVE),
            latency_ms: self.latencies.percentiles(),
            longest_stall_ms: self.stall.longest().as_secs_f64() * 1000.0,
            lag: self.offsets.lag(PATIENCE),
            examples: self.checker.examples,
        }
    }
}

/// The timestamp of a row that was handed over this long after the start, in milliseconds since 1970.
fn timestamp(epoch: u64, handed: Duration) -> i64 {
    (epoch + handed.as_millis() as u64) as i64
}
