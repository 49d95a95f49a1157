//! What librdkafka itself costs: records in and out by its own calls, in batches, with nothing read of them.
//!
//! `pass-through OPTIONS --values FILE`, until SIGTERM. The values of its output are the lines of FILE in turn, real
//! predictions, so that sizes and compression are those of the service; partition, key and timestamp are the input's.
//! The clients have the service's properties. Offsets move as in the service: everything delivered, then the commit, or
//! in the producer's transaction.
//!
//! librdkafka assigns partitions by itself here, because its batch call does not go together with the event machinery
//! of the crate's clients. What was read of a partition that goes to another member is therefore not committed before:
//! it is a floor for the cost, and not a service.

#[path = "pass_through/client.rs"]
mod client;

use anyhow::Context;
use clap::Parser;
use client::{Consumer, Output, Producer};
use flight_delay_scorer::config::{Config, Guarantee};
use flight_delay_scorer::stream::ClientFactory;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// As many as a worker of the service takes at once.
const BATCH: usize = 1_024;
const WAIT: Duration = Duration::from_millis(100);
/// What a topic takes as Kafka comes.
const MAX_MESSAGE_BYTES: usize = 1_048_588;

static STOP: AtomicBool = AtomicBool::new(false);

#[derive(Parser)]
#[command(about = "Passes records through with raw calls of librdkafka, to be measured against")]
struct Args {
    #[arg(long)]
    bootstrap_servers: String,
    #[arg(long)]
    input_topic: String,
    #[arg(long)]
    output_topic: String,
    #[arg(long)]
    group: String,
    /// none or lz4
    #[arg(long)]
    compression: String,
    #[arg(long)]
    linger_ms: u32,
    /// at_least_once or exactly_once
    #[arg(long)]
    guarantee: String,
    #[arg(long)]
    commit_interval_ms: u64,
    /// File of output values, one a line
    #[arg(long)]
    values: PathBuf,
}

fn main() -> anyhow::Result<()> {
    if std::env::args().skip(1).all(|argument| argument == "--bench") {
        println!("pass-through needs a broker: give it the options that --help lists");
        return Ok(());
    }
    let args = Args::parse();
    let values = std::fs::read(&args.values).with_context(|| format!("cannot read {}", args.values.display()))?;
    let values: Vec<&[u8]> = values
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    anyhow::ensure!(!values.is_empty(), "{} has no lines", args.values.display());
    client::on_termination(&STOP);

    let config = config(&args)?;
    let guarantee = config.delivery.guarantee;
    let factory = ClientFactory::new(config.kafka, "pass-through".to_owned());
    let mut properties = factory.consumer(0);
    // The service reads these lines; here they would be printed.
    properties.remove("debug");
    let consumer = Consumer::new(&properties, &args.input_topic)?;
    let mut properties = factory.producer(0, guarantee, MAX_MESSAGE_BYTES);
    // A floor: failures alone are enough to know of.
    properties.set("delivery.report.only.error", "true");
    let mut producer = Producer::new(&properties, &args.output_topic)?;
    if guarantee == Guarantee::ExactlyOnce {
        producer.init_transactions()?;
    }
    pass_through(
        &consumer,
        &mut producer,
        &values,
        guarantee,
        Duration::from_millis(args.commit_interval_ms),
    )?;
    consumer.close()
}

/// The service's settings that correspond to the options.
fn config(args: &Args) -> anyhow::Result<Config> {
    let settings = [
        ("kafka.bootstrap_servers", args.bootstrap_servers.clone()),
        ("kafka.input_topic", args.input_topic.clone()),
        ("kafka.output_topic", args.output_topic.clone()),
        ("kafka.group_id", args.group.clone()),
        ("delivery.guarantee", args.guarantee.clone()),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value));
    let environment = [
        ("SCORER_KAFKA__PRODUCER__LINGER_MS", args.linger_ms.to_string()),
        ("SCORER_KAFKA__PRODUCER__COMPRESSION_TYPE", args.compression.clone()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    Ok(Config::load(None, environment, &settings)?)
}

fn pass_through(
    consumer: &Consumer,
    producer: &mut Producer,
    values: &[&[u8]],
    guarantee: Guarantee,
    interval: Duration,
) -> anyhow::Result<()> {
    let mut values = values.iter().cycle();
    // Where each partition goes on, of what is not committed.
    let mut next = BTreeMap::new();
    let mut batch = consumer.batch(BATCH);
    let mut committed = Instant::now();
    while !STOP.load(Ordering::Relaxed) {
        batch.fill(WAIT);
        if !batch.is_empty() && next.is_empty() && guarantee == Guarantee::ExactlyOnce {
            producer.begin_transaction()?;
        }
        for message in batch.iter() {
            let message = message?;
            if let Some(value) = values.next() {
                producer.send(&Output {
                    partition: message.partition(),
                    key: message.key(),
                    value,
                    timestamp: message.timestamp(),
                })?;
            }
            next.insert(message.partition(), message.offset() + 1);
        }
        batch.clear();
        producer.poll(Duration::ZERO)?;
        if committed.elapsed() >= interval {
            commit(consumer, producer, &mut next, guarantee)?;
            committed = Instant::now();
        }
    }
    commit(consumer, producer, &mut next, guarantee)
}

fn commit(
    consumer: &Consumer,
    producer: &mut Producer,
    next: &mut BTreeMap<i32, i64>,
    guarantee: Guarantee,
) -> anyhow::Result<()> {
    if next.is_empty() {
        return Ok(());
    }
    let offsets = consumer.offsets(next);
    match guarantee {
        Guarantee::AtLeastOnce => {
            producer.flush()?;
            consumer.commit(&offsets)?;
        }
        Guarantee::ExactlyOnce => producer.commit_transaction(consumer, &offsets)?,
    }
    next.clear();
    Ok(())
}
