//! The proof that a model is what it claims to be: its golden rows.

use super::artifact::Prepared;
use super::error::ModelError;
use super::scorer::Runner;
use super::shown;
use crate::flight::RowReader;
use std::fmt;
use std::iter;
use std::time::{Duration, Instant};

/// How many rows the warm-up batch has at least: as many as the service scores at once when it is busy.
const WARM_UP_ROWS: usize = 1024;

/// What was proven, and what it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Proof {
    /// How many golden rows were compared.
    pub rows: usize,
    /// The largest absolute difference between a probability and the expected one.
    pub largest_difference: f64,
    /// What it may be at most.
    pub tolerance: f64,
    /// How long it took to read the file and prepare the graph.
    pub loading: Duration,
    /// How long it took to score the golden rows, alone and in a larger batch.
    pub proving: Duration,
}

/// A probability of a golden row that is not the expected one.
#[derive(Debug, Clone, PartialEq)]
pub struct Mismatch {
    /// The golden row, from 1.
    pub row: usize,
    pub label: String,
    pub expected: f64,
    pub got: f64,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Mismatch {
            row,
            label,
            expected,
            got,
        } = self;
        let label = shown::name(label);
        write!(f, "row {row}: {label} is expected with {expected}, but got {got}")
    }
}

/// Scores the golden rows as rows are scored in service, and compares. They are scored together, then each
/// alone, for a row must not depend on others, and then repeated in a larger batch: a graph may compute another way
/// there, and its buffers are made then.
pub(super) fn prove(model: &Prepared, loading: Duration) -> Result<Proof, ModelError> {
    let start = Instant::now();
    let golden = &model.metadata.golden;
    let mut runner = Runner::new(model)?;
    let mut largest_difference = 0f64;
    let rows = golden.rows.len();
    let alone = (0..rows).map(|row| row..row + 1);
    let repeated = 0..WARM_UP_ROWS.next_multiple_of(rows);
    for positions in iter::once(0..rows).chain(alone).chain([repeated]) {
        runner.clear();
        for position in positions.clone() {
            push(model, &mut runner, position % rows)?;
        }
        let difference = compare(model, &mut runner, positions.start)?;
        largest_difference = largest_difference.max(difference);
    }
    Ok(Proof {
        rows: golden.rows.len(),
        largest_difference,
        tolerance: golden.tolerance,
        loading,
        proving: start.elapsed(),
    })
}

fn push(model: &Prepared, runner: &mut Runner, row: usize) -> Result<(), ModelError> {
    let mut reader = RowReader::default();
    let read = reader.read(model.metadata.golden.rows[row].row.as_bytes());
    read.and_then(|read| runner.push(model, &read))
        .map_err(|rejection| ModelError::GoldenRow {
            origin: model.origin.clone(),
            row: row + 1,
            rejection,
        })
}

/// Compares the scores of golden rows, from `first` on and from the start again after the last; gives the largest
/// difference.
fn compare(model: &Prepared, runner: &mut Runner, first: usize) -> Result<f64, ModelError> {
    let golden = &model.metadata.golden;
    let scores = runner.score(model).map_err(|error| ModelError::Broken {
        origin: model.origin.clone(),
        problem: error.to_string(),
    })?;
    let mut largest = 0f64;
    let mut mismatches = Vec::new();
    for (position, prediction) in scores.iter().enumerate() {
        let row = (first + position) % golden.rows.len();
        let expected = &golden.rows[row].probabilities;
        for ((label, got), &expected) in prediction.probabilities().zip(expected) {
            let got = got.to_f64();
            let difference = (got - expected).abs();
            // NaN is within no tolerance.
            if difference <= golden.tolerance {
                largest = largest.max(difference);
            } else {
                mismatches.push(Mismatch {
                    row: row + 1,
                    label: label.to_owned(),
                    expected,
                    got,
                });
            }
        }
    }
    if mismatches.is_empty() {
        return Ok(largest);
    }
    Err(ModelError::Unproven {
        origin: model.origin.clone(),
        mismatches,
        compared: scores.len() * model.metadata.labels.len(),
        tolerance: golden.tolerance,
    })
}
