//! `demo`: the service at work, without a broker.

use super::serve::{load_model, prepare};
use super::{Exit, Failed, show};
use crate::config::{Config, Guarantee};
use crate::model::Model;
use crate::output::console_block;
use crate::sample;
use crate::service::{Ended, Service, stop_on_signals};
use crate::shutdown::Shutdown;
use crate::stream::topics::Topics;
use crate::stream::{ClientFactory, EmbeddedKafka, header};
use anyhow::{Context, anyhow, bail};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::message::{Headers, Message};
use rdkafka::producer::{BaseProducer, BaseRecord};
use rdkafka::{Offset, TopicPartitionList};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const BROKERS: i32 = 3;
const PARTITIONS: i32 = 10;
/// Far above what the slowest machine needs.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts three embedded brokers and the real service on them, replays a bundled sample, and shows what comes out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer demo --keep")]
pub struct Args {
    /// Leave the service and its status page up until Ctrl-C
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(args: Args, given: Config) -> Result<Exit, Failed> {
    let model = load_model(&given)?;
    let kafka = EmbeddedKafka::start(BROKERS).context("cannot start the embedded Kafka")?;
    let config = demo_config(given, kafka.bootstrap_servers()?, args.keep)?;
    let topics = kafka
        .create_topics(&config.kafka, PARTITIONS, BROKERS)
        .context("cannot create the topics")?;
    show(format_args!(
        "Embedded Kafka: {BROKERS} brokers, topics of {PARTITIONS} partitions x {BROKERS}."
    ));

    let shutdown = Shutdown::default();
    let factory = ClientFactory::new(config.kafka.clone(), "demo".into());
    let service = RunningService::start(config, model.clone(), topics, shutdown.clone())?;
    show(format_args!(
        "Service: http://{} (model {}, {} golden rows proven).",
        service.address,
        model.metadata().name,
        model.metadata().golden.rows.len()
    ));

    let outcomes = Replay::new(&factory)?.run(&shutdown);
    let shown = outcomes.map(Outcomes::print);
    if args.keep && shown.is_ok() {
        show(format_args!("\nThe service stays up; Ctrl-C ends it."));
    } else {
        shutdown.request(Duration::from_secs(8));
    }
    let ended = service.join()?;
    shown?;
    match ended {
        Ended::Drained(_) => Ok(Exit::Success),
        other => Err(anyhow!("the service ended with {other:?}").into()),
    }
}

/// The given settings, on the embedded brokers and in a hurry.
fn demo_config(given: Config, bootstrap_servers: String, keep: bool) -> Result<Config, Failed> {
    let hurry = [
        ("kafka.bootstrap_servers", bootstrap_servers.as_str()),
        ("kafka.consumer.fetch.wait.max.ms", "10"),
        ("delivery.checkpoint_interval", "500ms"),
    ];
    let overrides: Vec<_> = hurry.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let fast = Config::load(None, [], &overrides).map_err(|error| Exit::Configuration.with(error))?;
    let mut config = Config {
        kafka: fast.kafka,
        delivery: fast.delivery,
        ..given
    };
    if !keep {
        config.http.listen.set_port(0);
        config.http.listen.set_ip([127, 0, 0, 1].into());
    }
    Ok(config)
}

/// The real service on a thread of its own.
struct RunningService {
    address: std::net::SocketAddr,
    thread: JoinHandle<Ended>,
}

impl RunningService {
    fn start(config: Config, model: Arc<Model>, topics: Topics, shutdown: Shutdown) -> Result<RunningService, Failed> {
        let (listen, grace) = (config.http.listen, config.shutdown.grace);
        let service = Service {
            topics: Some(topics),
            ..prepare(config, "demo".into(), model, shutdown.clone())?
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(listen))
            .with_context(|| format!("cannot listen on {listen} (the setting http.listen)"))
            .map_err(|error| Exit::Configuration.with(error))?;
        let address = listener.local_addr()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    ended = service.run(listener) => ended,
                    failed = stop_on_signals(shutdown, grace) => match failed {
                        Ok(never) => match never {},
                        Err(error) => Ended::WorkerFailed(format!("cannot listen for signals: {error}")),
                    },
                }
            })
        });
        Ok(RunningService { address, thread })
    }

    fn join(self) -> anyhow::Result<Ended> {
        self.thread.join().map_err(|_| anyhow!("the service panicked"))
    }
}

/// Sends the sample and reads back what became of it.
struct Replay {
    producer: BaseProducer,
    consumer: BaseConsumer,
    input: String,
    output: String,
    dead_letters: String,
}

/// What came out.
#[derive(Default)]
struct Outcomes {
    rows: usize,
    took: Duration,
    labels: BTreeMap<String, u64>,
    reasons: BTreeMap<String, u64>,
    latencies: Vec<Duration>,
    first: Option<Published>,
}

/// The parts of a published prediction that the demo reads.
#[derive(Deserialize)]
struct Published {
    label: String,
    probabilities: BTreeMap<String, f64>,
    source: Position,
}

#[derive(Deserialize)]
struct Position {
    partition: i32,
    offset: i64,
}

impl Replay {
    fn new(factory: &ClientFactory) -> anyhow::Result<Replay> {
        let kafka = factory.settings();
        let consumer: BaseConsumer = factory.reader().set("fetch.wait.max.ms", "10").create()?;
        let mut all = TopicPartitionList::new();
        for topic in [&kafka.output_topic, &kafka.dead_letter_topic] {
            for partition in 0..PARTITIONS {
                all.add_partition_offset(topic, partition, Offset::Beginning)?;
            }
        }
        consumer.assign(&all)?;
        Ok(Replay {
            producer: factory.producer(0, Guarantee::AtLeastOnce, 1_000_000).create()?,
            consumer,
            input: kafka.input_topic.clone(),
            output: kafka.output_topic.clone(),
            dead_letters: kafka.dead_letter_topic.clone(),
        })
    }

    fn run(&self, shutdown: &Shutdown) -> anyhow::Result<Outcomes> {
        let started = Instant::now();
        let mut outcomes = Outcomes::default();
        for (number, row) in sample::rows().enumerate() {
            self.send(row, number as i32 % PARTITIONS)?;
            outcomes.rows += 1;
        }
        self.consume(&mut outcomes, started, shutdown)?;
        outcomes.took = started.elapsed();
        Ok(outcomes)
    }

    fn send(&self, row: &str, partition: i32) -> anyhow::Result<()> {
        let mut record = BaseRecord::<(), str>::to(&self.input).payload(row).partition(partition);
        let queue_full = rdkafka::types::RDKafkaErrorCode::QueueFull;
        while let Err((error, back)) = self.producer.send(record) {
            if error.rdkafka_error_code() != Some(queue_full) {
                return Err(error).context("cannot send the sample");
            }
            self.producer.poll(Duration::from_millis(10));
            record = back;
        }
        self.producer.poll(Duration::ZERO);
        Ok(())
    }

    /// Reads until every row has its outcome.
    fn consume(&self, outcomes: &mut Outcomes, started: Instant, shutdown: &Shutdown) -> anyhow::Result<()> {
        let mut seen = 0;
        while seen < outcomes.rows {
            if shutdown.is_requested() {
                bail!(
                    "the service stopped when {seen} of {} rows had an outcome",
                    outcomes.rows
                );
            }
            if started.elapsed() > PATIENCE {
                bail!(
                    "{seen} of {} rows had an outcome after {} s",
                    outcomes.rows,
                    PATIENCE.as_secs()
                );
            }
            self.producer.poll(Duration::ZERO);
            let Some(message) = self.consumer.poll(Duration::from_millis(20)) else {
                continue;
            };
            let message = message.context("cannot read the outcomes")?;
            seen += 1;
            if message.topic() == self.dead_letters {
                *outcomes.reasons.entry(reason(&message)).or_default() += 1;
            } else {
                outcomes
                    .add(&message)
                    .with_context(|| format!("an unreadable prediction in {}", self.output))?;
            }
        }
        Ok(())
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "dead letters of the demo have the headers that this program wrote"
)]
fn reason(message: &impl Message) -> String {
    let headers = message.headers().into_iter().flat_map(|headers| headers.iter());
    let reason = headers
        .filter(|found| found.key == header::REASON)
        .filter_map(|found| found.value)
        .next();
    String::from_utf8_lossy(reason.unwrap_or(b"unknown")).into_owned()
}

impl Outcomes {
    fn add(&mut self, message: &impl Message) -> anyhow::Result<()> {
        let published: Published = serde_json::from_slice(message.payload().unwrap_or_default())?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let sent = Duration::from_millis(message.timestamp().to_millis().unwrap_or_default() as u64);
        self.latencies.push(now.saturating_sub(sent));
        *self.labels.entry(published.label.clone()).or_default() += 1;
        if published.source.partition == 0 && published.source.offset == 0 {
            self.first = Some(published);
        }
        Ok(())
    }

    fn print(mut self) {
        if let (Some(first), Some(row)) = (&self.first, sample::rows().next()) {
            let block = console_block(row.as_bytes(), &first.label, first.probabilities.values());
            show(format_args!("\n{}", block.trim_end()));
        }
        let predictions: u64 = self.labels.values().sum();
        let dead_letters: u64 = self.reasons.values().sum();
        let seconds = self.took.as_secs_f64();
        self.latencies.sort_unstable();
        show(format_args!(""));
        show(format_args!(
            "rows          {} in {seconds:.2} s, {:.0} rows/s",
            self.rows,
            self.rows as f64 / seconds
        ));
        show(format_args!("predictions   {predictions}: {}", counts(&self.labels)));
        show(format_args!("dead letters  {dead_letters}: {}", counts(&self.reasons)));
        show(format_args!(
            "latency       p50 {} ms, p99 {} ms, all rows sent at once",
            self.percentile(0.50),
            self.percentile(0.99)
        ));
    }

    fn percentile(&self, quantile: f64) -> u128 {
        let position = (self.latencies.len().saturating_sub(1) as f64 * quantile) as usize;
        self.latencies.get(position).map_or(0, Duration::as_millis)
    }
}

fn counts(by_name: &BTreeMap<String, u64>) -> String {
    let parts: Vec<String> = by_name.iter().map(|(name, count)| format!("{name} {count}")).collect();
    parts.join(", ")
}
