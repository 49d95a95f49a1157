//! How good predictions are, measured against the truth that came with the rows or after them.
//!
//! | type | what it holds |
//! |---|---|
//! | [`Tally`] | the scores of one model against truth |
//! | [`Comparison`] | two models on the same rows |
//! | [`Sliding`] | one of these since the start and within a window of time |
//!
//! All of them take constant memory however many rows there are, and add up: tallies of two workers added are the
//! tally of all their rows. What can be read from them are [`Figures`] and [`ComparisonFigures`].
//!
//! A tally has 16 KiB and a comparison 96 KiB, thirteen times that when sliding: 1.7 MB for two models compared.
//!
//! A score is the probability of the model's positive label; truth says whether the row was of that label. A score
//! outside of 0 and 1 counts as the nearer of the two.

mod cells;
mod comparison;
mod figures;
mod histogram;
mod report;
mod sliding;
mod tally;

#[cfg(test)]
mod tests;

pub use comparison::{AucDifference, Comparison, ComparisonFigures, Verdict};
pub use figures::{Auc, CalibrationBin, Confusion, Figures};
pub use histogram::ScoreBin;
pub use report::side_by_side;
pub use sliding::{Accumulate, Sliding};
pub use tally::Tally;
