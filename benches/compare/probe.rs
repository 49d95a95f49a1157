//! Latency, seen from outside: sends rows at instants given beforehand, reads what comes out, and prints how long that
//! took, in milliseconds, as one line of JSON.
//!
//! Every millisecond a few rows are due. Each carries the instant at which it was due as its key, which a contender
//! hands on, so a row that is sent late counts from when it should have been sent (an open loop). The clock starts
//! with the process and is the same for sending and reading.
//!
//! On a virtual machine the hypervisor may take the processors away for a while, which no contender can help. With
//! `--quiet` only the intervals count in which it took least, whatever the latency was in them.

use anyhow::{Context, ensure};
use clap::Parser;
use hdrhistogram::Histogram;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Message, Offset, TopicPartitionList};
use serde_json::{Value, json};
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Rows are due together once in this time.
const TICK: Duration = Duration::from_millis(1);
/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Share of a processor's time that the hypervisor may take in an undisturbed interval.
const DISTURBED: f64 = 0.03;
/// Nanoseconds of the longest latency that is told from longer ones.
const LONGEST: u64 = 600_000_000_000;

#[derive(Debug, Parser)]
struct Args {
    #[arg(long)]
    bootstrap_servers: String,
    /// Topic to send rows to
    #[arg(long)]
    input_topic: String,
    /// Topic where the contender's records are read
    #[arg(long)]
    output_topic: String,
    /// File with one row a line, sent in turn, again and again
    #[arg(long)]
    rows: PathBuf,
    /// Rows a second
    #[arg(long, default_value_t = 5_000)]
    rate: u64,
    /// Seconds that are not measured
    #[arg(long, default_value_t = 10)]
    warm_up: u64,
    /// Seconds that are measured
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Seconds of an interval, each of which has its own figures; the whole time if not given
    #[arg(long)]
    every: Option<u64>,
    /// Intervals that count: those in which the hypervisor took least of a processor, and the run ends when there are so
    /// many without a disturbance; all if not given
    #[arg(long)]
    quiet: Option<usize>,
    /// read_committed or read_uncommitted
    #[arg(long, default_value = "read_committed")]
    isolation: String,
    /// `cargo bench` gives it
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    ensure!(
        args.rate > 0 && args.seconds > 0 && args.every != Some(0),
        "--rate, --seconds and --every are at least 1"
    );
    let text = std::fs::read_to_string(&args.rows).with_context(|| format!("cannot read {}", args.rows.display()))?;
    let rows: Vec<&str> = text.lines().collect();
    ensure!(!rows.is_empty(), "{} has no rows", args.rows.display());
    let mut reader = Reader::new(&args)?;
    let generator = Generator::new(&args, rows)?;
    let start = Instant::now();
    let (reading, stop) = mpsc::channel();
    let (done, sent) = mpsc::channel();
    let Sent { lateness, stolen } = std::thread::scope(|scope| {
        let sending = scope.spawn(move || {
            let sent = generator.run(start, &stop)?;
            // Nobody hears it if reading failed.
            let _ = done.send(sent.lateness.len());
            Ok::<_, anyhow::Error>(sent)
        });
        let read = reader.run(start, &sent);
        // Wakes the generator where reading failed.
        drop(reading);
        match sending.join() {
            Ok(sent) => read.and(sent),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })?;
    let counted = stolen.quietest(args.quiet.unwrap_or(usize::MAX));
    let mut total = histogram()?;
    for &(interval, _) in &counted {
        total.add(&reader.intervals[interval])?;
    }
    let report = json!({
        "rate": args.rate,
        "sent": lateness.len(),
        "received": reader.received,
        "milliseconds": figures(&total),
        // Of a processor's time, the most in or beside an interval that counts.
        "stolen": counted.iter().map(|&(_, share)| share).fold(0.0, f64::max),
        "intervals": reader.intervals.iter().map(figures).collect::<Vec<_>>(),
        // How long after they were due rows were handed to the producer; those of the warm-up count.
        "sent_late_milliseconds": figures(&lateness),
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

fn histogram() -> anyhow::Result<Histogram<u64>> {
    Ok(Histogram::new_with_bounds(1_000, LONGEST, 3)?)
}

fn figures(nanoseconds: &Histogram<u64>) -> Value {
    let milliseconds = |value: u64| value as f64 / 1e6;
    let at = |quantile| milliseconds(nanoseconds.value_at_quantile(quantile));
    json!({
        "rows": nanoseconds.len(),
        "p50": at(0.5),
        "p90": at(0.9),
        "p99": at(0.99),
        "p99.9": at(0.999),
        "max": milliseconds(nanoseconds.max()),
    })
}

/// The open loop.
struct Generator<'r> {
    producer: BaseProducer,
    topic: String,
    partitions: i32,
    rows: Vec<&'r str>,
    rate: u64,
    warm_up_ticks: u64,
    ticks: u64,
    interval_ticks: u64,
    quiet: Option<usize>,
}

/// What a generator did.
struct Sent {
    /// How long after they were due rows were handed to the producer, in nanoseconds.
    lateness: Histogram<u64>,
    stolen: Stolen,
}

impl<'r> Generator<'r> {
    fn new(args: &Args, rows: Vec<&'r str>) -> anyhow::Result<Generator<'r>> {
        let producer: BaseProducer = ClientConfig::new()
            .set("bootstrap.servers", &args.bootstrap_servers)
            .set("enable.idempotence", "true")
            .set("delivery.report.only.error", "true")
            // A tick's rows are one batch.
            .set("linger.ms", "1")
            .create()?;
        let metadata = producer.client().fetch_metadata(Some(&args.input_topic), PATIENCE)?;
        let partitions = metadata
            .topics()
            .first()
            .map_or(0, |topic| topic.partitions().len() as i32);
        ensure!(partitions > 0, "there is no topic {}", args.input_topic);
        Ok(Generator {
            producer,
            topic: args.input_topic.clone(),
            partitions,
            rows,
            rate: args.rate,
            warm_up_ticks: args.warm_up * 1_000,
            ticks: (args.warm_up + args.seconds) * 1_000,
            interval_ticks: args.every.unwrap_or(args.seconds) * 1_000,
            quiet: args.quiet,
        })
    }

    /// Sends all rows, those of a tick to one partition.
    fn run(&self, start: Instant, stop: &Receiver<()>) -> anyhow::Result<Sent> {
        let mut lateness = histogram()?;
        let mut stolen = Stolen::default();
        let mut number = 0;
        for tick in 0.. {
            let is_over = tick == self.ticks;
            let measured = tick.checked_sub(self.warm_up_ticks);
            if is_over || measured.is_some_and(|ticks| ticks.is_multiple_of(self.interval_ticks)) {
                stolen.interval_begins()?;
                if is_over || self.quiet.is_some_and(|wanted| stolen.undisturbed() >= wanted) {
                    break;
                }
            }
            let due = TICK * tick as u32;
            loop {
                let elapsed = start.elapsed();
                if elapsed >= due {
                    break;
                }
                if let Err(RecvTimeoutError::Disconnected) = stop.recv_timeout(due - elapsed) {
                    return Ok(Sent { lateness, stolen });
                }
            }
            let key = (due.as_nanos() as u64).to_be_bytes();
            let partition = (tick % self.partitions as u64) as i32;
            while number < (tick + 1) * self.rate / 1_000 {
                let row = self.rows[number as usize % self.rows.len()];
                self.send(&key, row, partition)?;
                lateness.saturating_record((start.elapsed() - due).as_nanos() as u64);
                number += 1;
            }
            self.producer.poll(Duration::ZERO);
        }
        while self.producer.in_flight_count() > 0 {
            self.producer.poll(TICK);
        }
        Ok(Sent { lateness, stolen })
    }

    fn send(&self, key: &[u8], row: &str, partition: i32) -> anyhow::Result<()> {
        let mut record = BaseRecord::to(&self.topic).key(key).payload(row).partition(partition);
        loop {
            match self.producer.send(record) {
                Ok(()) => return Ok(()),
                Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), again)) => {
                    record = again;
                    self.producer.poll(TICK);
                }
                Err((error, _)) => return Err(error).context("cannot send a row"),
            }
        }
    }
}

/// What the hypervisor took of the processors, interval by interval.
#[derive(Default)]
struct Stolen {
    /// When the interval began, and the seconds that each processor had lost by then.
    last: Option<(Instant, Vec<f64>)>,
    /// Of each interval that is over: the largest share of a processor's time.
    shares: Vec<f64>,
}

impl Stolen {
    fn interval_begins(&mut self) -> anyhow::Result<()> {
        let (now, seconds) = (Instant::now(), stolen_seconds()?);
        if let Some((then, before)) = &self.last {
            let length = (now - *then).as_secs_f64();
            let lost = seconds.iter().zip(before).map(|(now, before)| (now - before) / length);
            self.shares.push(lost.fold(0.0, f64::max));
        }
        self.last = Some((now, seconds));
        Ok(())
    }

    /// Each interval that is over with the largest share in it and in those beside it: what is late in one may be the
    /// fault of the one before, and its last rows come out in the next.
    fn around(&self) -> impl Iterator<Item = (usize, f64)> {
        (0..self.shares.len()).map(|interval| {
            let beside = &self.shares[interval.saturating_sub(1)..(interval + 2).min(self.shares.len())];
            (interval, beside.iter().copied().fold(0.0, f64::max))
        })
    }

    fn undisturbed(&self) -> usize {
        self.around().filter(|(_, share)| *share <= DISTURBED).count()
    }

    /// The intervals in which the hypervisor took least, with their shares.
    fn quietest(&self, count: usize) -> Vec<(usize, f64)> {
        let mut intervals: Vec<_> = self.around().collect();
        intervals.sort_by(|(_, a), (_, b)| a.total_cmp(b));
        intervals.truncate(count);
        intervals
    }
}

/// Since the machine's start, of each processor.
fn stolen_seconds() -> anyhow::Result<Vec<f64>> {
    let text = std::fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
    let processors = text
        .lines()
        .filter(|line| line.starts_with("cpu") && !line.starts_with("cpu "));
    let hundredths = processors.map(|line| line.split_whitespace().nth(8)?.parse::<f64>().ok());
    let hundredths: Option<Vec<f64>> = hundredths.collect();
    let hundredths = hundredths.context("/proc/stat has no eighth number for each processor")?;
    Ok(hundredths.iter().map(|hundredths| hundredths / 100.0).collect())
}

/// Reads what the contender makes of the rows.
struct Reader {
    consumer: BaseConsumer,
    warm_up: u64,
    /// Nanoseconds.
    interval: u64,
    intervals: Vec<Histogram<u64>>,
    received: u64,
}

impl Reader {
    fn new(args: &Args) -> anyhow::Result<Reader> {
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &args.bootstrap_servers)
            // It never joins the group.
            .set("group.id", "probe")
            .set("enable.auto.commit", "false")
            .set("isolation.level", &args.isolation)
            .set("fetch.wait.max.ms", "10")
            .set("fetch.queue.backoff.ms", "1")
            .create()?;
        let metadata = consumer.fetch_metadata(Some(&args.output_topic), PATIENCE)?;
        let partitions = metadata.topics().first().map_or(&[][..], |topic| topic.partitions());
        ensure!(!partitions.is_empty(), "there is no topic {}", args.output_topic);
        let mut assignment = TopicPartitionList::new();
        for partition in partitions {
            let (_, end) = consumer.fetch_watermarks(&args.output_topic, partition.id(), PATIENCE)?;
            assignment.add_partition_offset(&args.output_topic, partition.id(), Offset::Offset(end))?;
        }
        consumer.assign(&assignment)?;
        let every = args.every.unwrap_or(args.seconds);
        let intervals = (0..args.seconds.div_ceil(every)).map(|_| histogram());
        Ok(Reader {
            consumer,
            warm_up: args.warm_up * 1_000_000_000,
            interval: every * 1_000_000_000,
            intervals: intervals.collect::<Result<_, _>>()?,
            received: 0,
        })
    }

    /// Reads until as many records came as were sent, or none for long after the last row was sent.
    fn run(&mut self, start: Instant, sent: &Receiver<u64>) -> anyhow::Result<()> {
        let mut expected = None;
        let mut last = Instant::now();
        loop {
            match self.consumer.poll(100 * TICK) {
                Some(Ok(message)) => {
                    last = Instant::now();
                    if let Some(key) = message.key().and_then(|key| key.try_into().ok()) {
                        let due = u64::from_be_bytes(key);
                        let now = last.duration_since(start).as_nanos() as u64;
                        self.received += 1;
                        self.record(due, now);
                    }
                }
                // A broker that is gone may come back.
                Some(Err(error)) if last.elapsed() > PATIENCE => return Err(error).context("cannot read the records"),
                Some(Err(_)) | None => {}
            }
            match sent.try_recv() {
                Ok(rows) => {
                    expected = Some(rows);
                    last = Instant::now();
                }
                // The generator failed, and says why itself.
                Err(mpsc::TryRecvError::Disconnected) if expected.is_none() => return Ok(()),
                Err(_) => {}
            }
            if expected.is_some_and(|rows| self.received >= rows || last.elapsed() > PATIENCE) {
                return Ok(());
            }
        }
    }

    fn record(&mut self, due: u64, now: u64) {
        if let Some(after) = due.checked_sub(self.warm_up)
            && let Some(interval) = self.intervals.get_mut((after / self.interval) as usize)
        {
            interval.saturating_record(now.saturating_sub(due));
        }
    }
}
