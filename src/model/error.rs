//! Why a model cannot be used.

use super::metadata::MetadataError;
use super::proof::Mismatch;
use super::shown;
use crate::flight::Rejection;
use std::path::PathBuf;

/// Why a model was not loaded. Each message names the model's origin: its file, or what stands for it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    #[error("cannot read {}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{origin}: the file has more than {most} bytes, more than are read")]
    TooLarge { origin: String, most: usize },
    #[error("{origin}: this is not an ONNX file: {}", shown::problem(problem))]
    NotOnnx { origin: String, problem: String },
    #[error(
        "{origin}: the model does not say what its inputs and outputs mean: give it the metadata property \
         `{key}`, or put the same JSON beside it, in a file with the same name ending in .json",
        key = super::METADATA_KEY
    )]
    NoMetadata { origin: String },
    #[error("{origin}: metadata: {source}")]
    Metadata { origin: String, source: MetadataError },
    /// The inputs and outputs of the graph are not those of a model of this service.
    #[error("{origin}: {}", shown::problem(problem))]
    Graph { origin: String, problem: String },
    #[error("{origin}: the operator {operator} (node {:?}) is not supported", shown::name(node))]
    Operator {
        origin: String,
        operator: String,
        node: String,
    },
    /// tract cannot load or run the graph.
    #[error("{origin}: the graph does not work: {}", shown::problem(problem))]
    Broken { origin: String, problem: String },
    /// Two models are set against each other.
    #[error(
        "{origin}: its positive label is {positive:?} and that of the model it would be compared with {expected:?}: \
         nothing would follow"
    )]
    OtherLabel {
        origin: String,
        positive: String,
        expected: String,
    },
    #[error("{origin}: golden row {row} cannot be read: {rejection}")]
    GoldenRow {
        origin: String,
        /// From 1.
        row: usize,
        rejection: Rejection,
    },
    #[error(
        "{origin}: the model is not what it claims to be, {} of its {compared} golden probabilities differ by \
         more than {tolerance}: {}",
        mismatches.len(),
        first(mismatches)
    )]
    Unproven {
        origin: String,
        mismatches: Vec<Mismatch>,
        compared: usize,
        tolerance: f64,
    },
}

/// The first few.
fn first(mismatches: &[Mismatch]) -> String {
    const MOST: usize = 5;
    let mut first: Vec<_> = mismatches.iter().take(MOST).map(Mismatch::to_string).collect();
    if mismatches.len() > MOST {
        first.push(format!("and {} more", mismatches.len() - MOST));
    }
    first.join("; ")
}

/// Scoring a batch failed although the model is proven. The batch is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the model failed on a batch of {rows} rows: {}", shown::problem(problem))]
pub struct ScoreError {
    pub rows: usize,
    pub problem: String,
}
