//! `evaluate`: how good the published predictions were, now that it is known.

use super::predictions::{Predictions, known_models};
use super::since::Since;
use super::{Exit, Failed, complain, input, show};
use crate::config::Config;
use crate::evaluation::{EvaluationError, Evaluator, Truths};
use crate::flight::Lines;
use crate::stream::{Cursor, Excerpt, Failure};
use anyhow::{Context, anyhow};
use std::path::{Path, PathBuf};

/// Reads rows that have IsDepDelayed from a file or a topic, and holds the predictions that the output topic has now
/// against them: those for the same date, carrier, number and origin. Rows that cannot be read are reported on standard
/// error, the others count, and the exit code is 7.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer evaluate --truth flights-with-delays.csv.gz --since 24h")]
#[command(group = clap::ArgGroup::new("rows").required(true))]
pub struct Args {
    /// CSV file in the on-time schema, plain or gzipped; - is standard input
    #[arg(long, value_name = "FILE", group = "rows")]
    truth: Option<PathBuf>,
    /// Topic of such rows, read from its start to its present end
    #[arg(long, value_name = "TOPIC", group = "rows")]
    truth_topic: Option<String>,
    /// Directory of further models, NAME.onnx and NAME.json: a model says which of its labels is the positive one, YES
    /// where it is not known
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Begin in each partition with the first prediction of this time, such as 2h (ago) or 2026-01-31T08:00:00Z
    /// [default: the oldest]
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let models = known_models(&config, args.models.as_deref())?;
    let mut truths = Truths::default();
    if let Some(path) = &args.truth {
        read_file(path, &mut truths)?;
    }
    let Predictions {
        topic,
        mut cursor,
        ranges,
        ..
    } = Predictions::find(config, instance, args.since)?;
    if let Some(topic) = &args.truth_topic {
        read_topic(topic, &mut cursor, &mut truths).map_err(|failure| Exit::Kafka.with(failure))?;
    }
    let bad = truths.counts().bad;
    let evaluator = Evaluator::new(truths, models);
    let report = evaluator
        .evaluate(&mut cursor, &topic, &Excerpt::all(ranges))
        .map_err(failed)?;
    if args.json {
        show(format_args!("{}", serde_json::to_string(&report)?));
    } else {
        show(format_args!("{}", report.to_string().trim_end()));
    }
    if report.matched == 0 {
        return Err(anyhow!("no prediction in {topic} has a truth").into());
    }
    match bad {
        0 => Ok(Exit::Success),
        _ => Ok(Exit::RowsRejected),
    }
}

fn failed(error: EvaluationError) -> Failed {
    match error {
        EvaluationError::Kafka(failure) => Exit::Kafka.with(failure),
        EvaluationError::Model(error) => Exit::Model.with(error),
        error @ EvaluationError::NoPositiveLabel { .. } => error.into(),
    }
}

fn read_file(path: &Path, truths: &mut Truths) -> anyhow::Result<()> {
    let (file, name) = input::open(path)?;
    let read = || format!("cannot read {name}");
    let mut lines = Lines::new(file).with_context(read)?;
    while let Some((number, row)) = lines.read().with_context(read)? {
        if let Err(rejection) = truths.push(row) {
            let reason = rejection.reason.as_str();
            complain(format_args!("{name}, line {number}: {reason}: {rejection}"));
        }
    }
    Ok(())
}

fn read_topic(topic: &str, cursor: &mut Cursor, truths: &mut Truths) -> Result<(), Failure> {
    let ranges = cursor.ranges(topic, None)?;
    Excerpt::all(ranges).read(cursor, topic, |partition, record| {
        // A tombstone is no row.
        if let Some(row) = record.value
            && let Err(rejection) = truths.push(&row)
        {
            let (offset, reason) = (record.offset, rejection.reason.as_str());
            complain(format_args!(
                "{topic}, partition {partition}, offset {offset}: {reason}: {rejection}"
            ));
        }
        Ok(())
    })
}
