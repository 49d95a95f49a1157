//! `model`: shows a model's card, or proves its golden rows one by one.

use super::table::table;
use super::{Exit, Failed};
use crate::config::Config;
use crate::flight::RowReader;
use crate::lineup;
use crate::model::{Golden, Input, Instructions, Metadata, Mismatch, Model, ModelError};
use anyhow::anyhow;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Width that the text is made for.
const WIDTH: usize = 100;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example: flight-delay-scorer model check models/airline-gbm.onnx")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// What the model says about itself, and that it is proven
    Show {
        /// ONNX file [default: the setting model.path, else the model in the program]
        path: Option<PathBuf>,
    },
    /// Score the golden rows and compare each with what is expected
    Check {
        /// ONNX file [default: the setting model.path, else the model in the program]
        path: Option<PathBuf>,
    },
}

pub(super) fn run(args: Args, config: &Config) -> Result<Exit, Failed> {
    let mut out = io::stdout().lock();
    match args.command {
        Command::Show { path } => {
            let model = load(path.as_deref(), config).map_err(|error| Exit::Model.with(error))?;
            out.write_all(card(&model).as_bytes())?;
        }
        Command::Check { path } => match load(path.as_deref(), config) {
            Ok(model) => out.write_all(checked(&model)?.as_bytes())?,
            Err(ModelError::Unproven {
                origin,
                mismatches,
                compared,
                tolerance,
            }) => {
                out.write_all(differences(&mismatches).as_bytes())?;
                let wrong = mismatches.len();
                return Err(Exit::Model.with(anyhow!(
                    "{origin}: the model is not what it claims to be: {wrong} of {compared} golden probabilities differ by \
                     more than {}",
                    short(tolerance)
                )));
            }
            Err(error) => return Err(Exit::Model.with(error)),
        },
    }
    Ok(Exit::Success)
}

fn load(path: Option<&Path>, config: &Config) -> Result<Arc<Model>, ModelError> {
    lineup::open(path.unwrap_or(&config.model.path))
}

/// The model's card.
fn card(model: &Model) -> String {
    let metadata = model.metadata();
    let proof = model.proof();
    let mut text = format!("{} {}\n", metadata.name, metadata.version);
    if let Some(description) = &metadata.description {
        text += &wrapped(description, WIDTH);
    }
    let profile = match &metadata.profile {
        Some(profile) => format!("{} training rows", profile.rows),
        None => "none".to_owned(),
    };
    let evaluation = match model.no_kernel() {
        None => format!("fast kernel, with {} instructions here", Instructions::best()),
        Some(reason) => format!("one row after the other: {reason}"),
    };
    let facts = [
        ("file", model.origin().to_owned()),
        ("sha256", model.sha256().to_owned()),
        (
            "labels",
            format!(
                "{}; {} is the positive one",
                metadata.labels.join(", "),
                metadata.positive_label()
            ),
        ),
        (
            "threshold",
            format!(
                "{}: {} from this probability on",
                metadata.threshold,
                metadata.positive_label()
            ),
        ),
        (
            "golden rows",
            format!(
                "{} proven, largest difference {}, tolerance {}",
                proof.rows,
                short(proof.largest_difference),
                short(proof.tolerance)
            ),
        ),
        ("evaluation", evaluation),
        ("profile", profile),
    ];
    let facts: Vec<Vec<String>> = facts
        .into_iter()
        .map(|(name, fact)| vec![name.to_owned(), fact])
        .collect();
    text + "\n" + &table(&facts) + "\n" + &features(metadata)
}

fn features(metadata: &Metadata) -> String {
    let mut rows = vec![["feature", "column", "type", "values", ""].map(str::to_owned).to_vec()];
    for feature in &metadata.features {
        let (kind, values) = match &feature.input {
            Input::Numeric => ("numeric", String::new()),
            Input::Categorical(values) => ("categorical", values.len().to_string()),
        };
        let missing = if feature.always_missing { "always missing" } else { "" };
        rows.push(vec![
            feature.name.clone(),
            feature.column.name().to_owned(),
            kind.to_owned(),
            values,
            missing.to_owned(),
        ]);
    }
    table(&rows)
}

/// Each golden row with what is expected and what came out, and the verdict.
fn checked(model: &Arc<Model>) -> anyhow::Result<String> {
    let metadata = model.metadata();
    let Golden { rows, tolerance } = &metadata.golden;
    let mut reader = RowReader::default();
    let mut scorer = model.scorer()?;
    for golden in rows {
        scorer.push(&reader.read(golden.row.as_bytes())?)?;
    }
    let mut lines = vec![
        ["row", "label", "expected", "got", "difference"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for (position, (prediction, golden)) in scorer.score()?.iter().zip(rows).enumerate() {
        // The row's label only: the other probability says the same.
        let chosen = prediction
            .probabilities()
            .zip(&golden.probabilities)
            .find(|((label, _), _)| *label == prediction.label());
        if let Some(((label, got), expected)) = chosen {
            let difference = (got.to_f64() - expected).abs();
            lines.push(vec![
                (position + 1).to_string(),
                label.to_owned(),
                expected.to_string(),
                got.to_string(),
                short(difference),
            ]);
        }
    }
    let proof = model.proof();
    Ok(format!(
        "{}\n{} {} is proven: {} golden rows, every probability within {} (largest difference {}).\n",
        table(&lines),
        metadata.name,
        metadata.version,
        proof.rows,
        short(*tolerance),
        short(proof.largest_difference)
    ))
}

/// A small number with two digits: `5.6e-17`.
fn short(number: f64) -> String {
    if number == 0.0 {
        "0".to_owned()
    } else {
        format!("{number:.1e}")
    }
}

fn differences(mismatches: &[Mismatch]) -> String {
    let mut lines = vec![
        ["row", "label", "expected", "got", "difference"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for mismatch in mismatches {
        lines.push(vec![
            mismatch.row.to_string(),
            mismatch.label.clone(),
            mismatch.expected.to_string(),
            mismatch.got.to_string(),
            short((mismatch.got - mismatch.expected).abs()),
        ]);
    }
    table(&lines)
}

/// Words in lines of at most this many characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        let word_length = word.chars().count();
        if length > 0 && length + 1 + word_length > width {
            lines.push('\n');
            length = 0;
        }
        if length > 0 {
            lines.push(' ');
            length += 1;
        }
        lines.push_str(word);
        length += word_length;
    }
    lines.push('\n');
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_the_width() {
        assert_eq!(wrapped("one two  three\nfour", 9), "one two\nthree\nfour\n");
        assert_eq!(wrapped("unbreakable words", 5), "unbreakable\nwords\n");
        assert_eq!(wrapped("", 5), "\n");
    }

    #[test]
    fn the_card_of_the_embedded_model_fits_the_width_and_has_its_facts() {
        let model = Model::embedded().unwrap();
        let card = card(&model);
        for expected in [
            "airline-gbm 1",
            model.sha256(),
            "YES is the positive one",
            "0.44517576623644245",
            "always missing",
            "43978",
        ] {
            assert!(card.contains(expected), "{card}");
        }
        assert!(card.lines().all(|line| line.chars().count() <= WIDTH), "{card}");
    }

    #[test]
    fn the_check_shows_every_golden_row() {
        let model = Arc::new(Model::embedded().unwrap());
        let text = checked(&model).unwrap();
        assert!(
            text.contains("1    YES    0.5680083102883521   0.5680083102883521"),
            "{text}"
        );
        assert_eq!(text.lines().count(), model.metadata().golden.rows.len() + 3, "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }
}
