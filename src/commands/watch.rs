//! `watch`: follows the predictions and shows each with the flight it was made for.

use super::{Exit, Failed, complain};
use crate::config::Config;
use crate::output::published::Source;
use crate::output::{Published, console_block, printable};
use crate::stream::{At, ClientFactory, Cursor, Failure, Record, topics, watermarks};
use anyhow::Context;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::message::{BorrowedMessage, Message as _};
use rdkafka::{Offset, TopicPartitionList};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(10);
/// For a row, which is no more than an addition to what is shown.
const ROW: Duration = Duration::from_secs(5);
/// How long it takes at most to notice Ctrl-C.
const STEP: Duration = Duration::from_millis(100);

/// Shows each prediction on the output topic in the original demo's form, with the input row it came from.
/// Predictions in JSON name that row; those in CSV or text are shown without it. Ctrl-C ends it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer watch --from-beginning --max 3")]
pub struct Args {
    /// Begin with the oldest prediction instead of the next one
    #[arg(long)]
    from_beginning: bool,
    /// End after this many predictions
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    max: Option<u64>,
}

pub(super) fn run(args: Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let interrupted = interrupted()?;
    let topic = config.kafka.output_topic.clone();
    let factory = ClientFactory::new(config.kafka, instance);
    let kafka = |failure: Failure| Exit::Kafka.with(failure);
    let partitions = topics::partitions(&factory, &topic, PATIENCE).map_err(kafka)?;
    let consumer: BaseConsumer = factory
        .reader()
        .set("auto.offset.reset", "earliest")
        .create()
        .map_err(|error| kafka(Failure::of("cannot make the consumer", &error)))?;
    start(&consumer, &topic, partitions, args.from_beginning).map_err(kafka)?;
    let place = if args.from_beginning { "beginning" } else { "end" };
    complain(format_args!(
        "Watching {topic}, {partitions} partitions, from the {place}. Ctrl-C ends it."
    ));

    let mut rows = Cursor::new(&factory, ROW).map_err(kafka)?;
    let mut shown = 0;
    while !interrupted.load(Ordering::Relaxed) && args.max.is_none_or(|max| shown < max) {
        let message = match consumer.poll(STEP) {
            None => continue,
            Some(Ok(message)) => message,
            Some(Err(error)) => match Failure::of(&format!("cannot read {topic}"), &error) {
                failure @ (Failure::Refused(_) | Failure::Denied(_)) => return Err(kafka(failure)),
                // The brokers may come back; librdkafka tries on, and logs what is wrong.
                _ if error.rdkafka_error_code() != Some(Code::UnknownTopicOrPartition) => continue,
                failure => return Err(kafka(failure)),
            },
        };
        let Some(block) = block(&message, &mut rows, &interrupted) else {
            continue;
        };
        let mut out = io::stdout().lock();
        match out.write_all(block.as_bytes()).and_then(|()| out.flush()) {
            Ok(()) => shown += 1,
            // The reader of a pipe, such as `head`, has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Exit::Success)
}

/// Reads every partition from its beginning, or from the end that it has now.
fn start(consumer: &BaseConsumer, topic: &str, partitions: i32, from_beginning: bool) -> Result<(), Failure> {
    let failed = |error| Failure::of(&format!("cannot read {topic}"), &error);
    let mut assignment = TopicPartitionList::new();
    for (partition, watermarks) in (0..).zip(watermarks(consumer, topic, partitions, PATIENCE)?) {
        let offset = if from_beginning {
            watermarks.start
        } else {
            watermarks.end
        };
        let offset = Offset::Offset(offset);
        assignment
            .add_partition_offset(topic, partition, offset)
            .map_err(failed)?;
    }
    consumer.assign(&assignment).map_err(failed)
}

/// What is shown for a record. `None` where it is no prediction, which is said on standard error.
fn block(message: &BorrowedMessage<'_>, rows: &mut Cursor, interrupted: &AtomicBool) -> Option<String> {
    let place = format!(
        "{}, partition {}, offset {}",
        message.topic(),
        message.partition(),
        message.offset()
    );
    let Some(value) = message.payload() else {
        complain(format_args!("{place}: a tombstone"));
        return None;
    };
    let published = match Published::read(value) {
        Ok(published) => published,
        Err(why) => {
            complain(format_args!("{place}: not a prediction: {why}"));
            return None;
        }
    };
    let row = published.source.as_ref().and_then(|source| {
        row(source, rows, interrupted)
            .inspect_err(|why| complain(format_args!("{place}: its row cannot be shown: {why}")))
            .ok()
    });
    Some(console_block(
        row.as_deref(),
        &published.label,
        &published.probabilities,
    ))
}

/// The row that a prediction was made for, or why there is none.
fn row(source: &Source<'_>, rows: &mut Cursor, interrupted: &AtomicBool) -> Result<Vec<u8>, String> {
    let go_on = || !interrupted.load(Ordering::Relaxed);
    let Source {
        topic,
        partition,
        offset,
    } = source;
    let missing = |why| printable(&format!("{topic}, partition {partition}, offset {offset}: {why}"));
    match rows.at(topic, *partition, *offset, go_on) {
        Ok(At::Record(Record { value: Some(row), .. })) => Ok(row),
        Ok(At::Record(_)) => Err(missing("it has no value")),
        Ok(At::Gap | At::End) => Err(missing("the topic does not have it")),
        Err(failure) => Err(failure.to_string()),
    }
}

/// Becomes true at Ctrl-C.
fn interrupted() -> Result<Arc<AtomicBool>, Failed> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build();
    let runtime = runtime.context("cannot listen for Ctrl-C")?;
    let flag = interrupted.clone();
    // Ends with the process.
    std::thread::spawn(move || {
        if let Err(error) = runtime.block_on(tokio::signal::ctrl_c()) {
            tracing::warn!(%error, "cannot listen for Ctrl-C");
            return;
        }
        flag.store(true, Ordering::Relaxed);
    });
    Ok(interrupted)
}
