//! What a model says about itself: the JSON contract.

mod check;
mod raw;

use super::shown;
use crate::flight::Column;
use std::fmt;

/// The description of a model, read from JSON and checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Metadata {
    /// A short name, for output and logs.
    pub name: String,
    pub version: String,
    pub description: Option<String>,
    /// The columns of the graph's inputs, in their order.
    pub features: Vec<Feature>,
    /// What the scores are called, in the order of the columns of the graph's output: 2 to
    /// [`MOST_LABELS`](Self::MOST_LABELS).
    pub labels: Vec<String>,
    /// Which of `labels` is the positive one.
    pub positive: usize,
    /// The positive label is predicted from this probability on, within 0 and 1.
    pub threshold: f64,
    pub golden: Golden,
    /// How features and scores were spread over the training rows.
    pub profile: Option<Profile>,
}

/// One column of the graph's inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Feature {
    pub name: String,
    /// The column of a flight row that it is read from.
    pub column: Column,
    pub input: Input,
    /// The model is always given a missing value (NaN), whatever the row holds.
    pub always_missing: bool,
}

/// How a field becomes a number. A missing field is NaN.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// The number in the field.
    Numeric,
    /// The position of the field's bytes among these values, from 0; NaN where it is none of them.
    Categorical(Vec<String>),
}

/// Rows with the probabilities that another implementation of the model gave them.
#[derive(Debug, Clone, PartialEq)]
pub struct Golden {
    /// How far from the expected a probability may be, absolute.
    pub tolerance: f64,
    /// [`Golden::LEAST_ROWS`] to [`Golden::MOST_ROWS`].
    pub rows: Vec<GoldenRow>,
}

impl Golden {
    /// With fewer rows a model does not count as proven.
    pub const LEAST_ROWS: usize = 8;
    /// They are scored several times before the model is used.
    pub const MOST_ROWS: usize = 1000;
    /// A tolerance above this would prove nothing.
    pub const GREATEST_TOLERANCE: f64 = 0.01;
}

/// A CSV row and its probabilities in the order of the labels.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldenRow {
    pub row: String,
    pub probabilities: Vec<f64>,
}

/// Histograms over the rows that the model was trained on.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// How many rows there were.
    pub rows: u64,
    /// At most one for each feature.
    pub features: Vec<FeatureProfile>,
    /// The probability of the positive label.
    pub score: ScoreProfile,
}

impl Profile {
    /// Of each histogram.
    pub const MOST_EDGES: usize = 10_000;
}

/// The histogram of a feature.
#[derive(Debug, Clone, PartialEq)]
pub struct FeatureProfile {
    pub name: String,
    /// In how many rows it was missing.
    pub missing: u64,
    /// Ascending bounds between the counts of a numeric feature; empty for a categorical one.
    pub edges: Vec<f64>,
    /// Rows by bin: one more than edges; for a categorical feature, one for each of its values.
    pub counts: Vec<u64>,
}

/// The histogram of the score.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreProfile {
    /// Ascending bounds between the counts.
    pub edges: Vec<f64>,
    /// One more than edges.
    pub counts: Vec<u64>,
}

impl Metadata {
    /// A model with more labels is none for flights.
    pub const MOST_LABELS: usize = 64;
    /// Values of a category.
    pub const MOST_VALUES: usize = 1 << 16;
    /// Bytes of the JSON: 16 MiB.
    pub const MOST_BYTES: usize = 16 << 20;

    /// What the profile of the scores is called among those of the features, none of which may be called so.
    pub const SCORE: &str = "score";

    /// Reads and checks the JSON contract. An unknown key is an error.
    pub fn from_json(json: &[u8]) -> Result<Metadata, MetadataError> {
        if json.len() > Self::MOST_BYTES {
            let (got, most) = (json.len(), Self::MOST_BYTES);
            let problem = format!("the JSON has {got} bytes, at most {most} are supported");
            return Err(MetadataError::new("", problem));
        }
        let raw: raw::Metadata = serde_json::from_slice(json).map_err(MetadataError::json)?;
        check::metadata(raw)
    }

    /// The positive label.
    pub fn positive_label(&self) -> &str {
        &self.labels[self.positive]
    }
}

/// What is wrong with a model's metadata, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetadataError {
    /// A path such as `features[3].column`; empty where the text is not the JSON it should be.
    pub place: String,
    pub problem: String,
}

impl MetadataError {
    fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        MetadataError {
            place: place.into(),
            problem: problem.into(),
        }
    }

    /// The message of such an error ends in line and column.
    fn json(error: serde_json::Error) -> Self {
        let message = error.to_string();
        let shown = shown::problem(&message);
        if shown == message {
            return MetadataError::new("", message);
        }
        let (line, column) = (error.line(), error.column());
        MetadataError::new("", format!("{shown} at line {line} column {column}"))
    }
}

impl fmt::Display for MetadataError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.place.is_empty() {
            write!(f, "{}: ", self.place)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for MetadataError {}
