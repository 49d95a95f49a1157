//! `audit`: scores what was published again, and compares.

use super::predictions::{PATIENCE, Predictions, known_models};
use super::since::Since;
use super::{Exit, Failed, complain, show};
use crate::audit::{AuditError, Auditor, Report};
use crate::config::Config;
use crate::stream::Excerpt;
use anyhow::anyhow;
use std::path::PathBuf;

/// Reads the predictions that the output topic holds now, fetches the row that each was made from, scores it again with
/// the model that made it, and compares every probability, the label, the threshold and the flight. The exit code is 10
/// where any is different.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer audit --models models --since 2h --sample 10000")]
pub struct Args {
    /// Directory of further models, NAME.onnx and NAME.json [default: the setting model.path and the model in the
    /// program only]
    #[arg(long, value_name = "DIR")]
    models: Option<PathBuf>,
    /// Check this many predictions, spread evenly over the topic [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    sample: Option<u64>,
    /// Begin in each partition with the first record of this time, such as 2h (ago) or 2026-01-31T08:00:00Z [default:
    /// the oldest]
    #[arg(long, value_name = "WHEN")]
    since: Option<Since>,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: Args, config: Config, instance: String) -> Result<Exit, Failed> {
    let models = known_models(&config, args.models.as_deref())?;
    let mut predictions = Predictions::find(config, instance, args.since)?;
    let (topic, ranges) = (&predictions.topic, predictions.ranges);
    let excerpt = match args.sample {
        None => Excerpt::all(ranges),
        Some(count) => Excerpt::sample(ranges, count),
    };
    let report = Auditor::new(&predictions.factory, topic, models, PATIENCE)
        .and_then(|auditor| auditor.audit(&mut predictions.cursor, &excerpt))
        .map_err(failed)?;
    if args.json {
        show(format_args!("{}", serde_json::to_string(&report)?));
    } else {
        show(format_args!("{}", report.to_string().trim_end()));
    }
    conclude(&report, topic)
}

fn failed(error: AuditError) -> Failed {
    match error {
        AuditError::Kafka(_) | AuditError::Input { .. } => Exit::Kafka.with(error),
        AuditError::Model(error) => Exit::Model.with(error),
        AuditError::Score(error) => error.into(),
    }
}

/// What the report comes to. What could not be checked is no difference, but is not to be overlooked.
fn conclude(report: &Report, topic: &str) -> Result<Exit, Failed> {
    let unknown: u64 = report.unknown_models.values().sum();
    let unreadable: u64 = report.unreadable.values().sum();
    let obstacles = [
        (
            report.missing_inputs,
            "missing input: older than the input topic keeps, or the topic was made again",
        ),
        (
            report.denied_inputs,
            "denied input: in another topic than kafka.input_topic, without the right to read it",
        ),
        (unknown, "unknown model: give its file by --models DIR"),
        (unreadable, "unreadable: only predictions in JSON name input and model"),
    ];
    let obstacles: Vec<String> = obstacles
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, why)| format!("{count} {why}"))
        .collect();
    if report.different > 0 {
        let (different, checked) = (report.different, report.checked());
        complain(format_args!(
            "{different} of {checked} predictions in {topic} are different"
        ));
    }
    if report.checked() > 0 {
        for obstacle in obstacles {
            complain(format_args!("warning: not checked: {obstacle}"));
        }
    } else if obstacles.is_empty() {
        return Err(anyhow!("there are no predictions in {topic} to check").into());
    } else {
        return Err(anyhow!("nothing in {topic} could be checked: {}", obstacles.join("; ")).into());
    }
    match report.different {
        0 => Ok(Exit::Success),
        _ => Ok(Exit::Different),
    }
}
