//! Predictions and the truth that came later, joined by flight.
//!
//! A row of truth belongs to every prediction for the same date, carrier, number and origin. Truth is held in memory,
//! predictions are read once.

mod evaluator;
mod report;
mod seen;
mod truth;

pub use evaluator::{EvaluationError, Evaluator};
pub use report::{OfModel, Report};
pub use truth::{TruthCounts, Truths};
