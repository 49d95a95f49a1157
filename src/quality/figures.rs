//! What a tally says, as numbers to read.

use serde::Serialize;

/// How good the scores of a model are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// Rows with a score and a truth.
    pub rows: u64,
    /// Rows among these whose truth is the positive label.
    pub positives: u64,
    /// None where truth is always the same.
    pub auc: Option<Auc>,
    /// The mean squared error of the scores: 0 is best.
    pub brier: f64,
    /// The mean of -ln of the probability that was given to what came true, which is taken as at least 2.2e-16 and at
    /// most as far below 1: 0 is best.
    pub log_loss: f64,
    /// The share of rows whose verdict came true.
    pub accuracy: f64,
    pub confusion: Confusion,
    /// Those of ten bins of scores that have rows, ascending.
    pub calibration: Vec<CalibrationBin>,
    /// The mean distance between score and observed rate over these bins, by their rows (the expected calibration
    /// error): 0 is best.
    pub calibration_error: f64,
}

/// The area under the ROC curve: the chance that a row of the positive label has a higher score than one of another
/// label, equal scores counted half.
///
/// It is computed from scores in 1,000 bins, with the pairs of one bin counted half. At worst all of these are in the
/// right order or all in the wrong one, so the AUC of the scores as they are lies within `value` ± `bound` for
/// certain, and much nearer as a rule. `bound` is Σ pᵢnᵢ / 2PN over the bins, for p and n rows of either truth in a
/// bin and P and N in all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Auc {
    pub value: f64,
    pub bound: f64,
}

/// Rows by verdict and truth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Confusion {
    pub true_positives: u64,
    pub false_positives: u64,
    pub true_negatives: u64,
    pub false_negatives: u64,
}

/// Rows whose score is above `lower` and not above `upper`; the first bin also has the scores of 0.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct CalibrationBin {
    pub lower: f64,
    pub upper: f64,
    pub rows: u64,
    pub mean_score: f64,
    /// The share of rows whose truth is the positive label.
    pub observed_rate: f64,
}
