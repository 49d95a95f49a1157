//! Whether the rows that are scored are like those that the model was trained on.
//!
//! A [`Reference`] is made of the training profile in the model's artifact. It sorts each feature of a batch, and each
//! score, into at most 20 bins and one for what is missing, and counts them in [`Counts`]. From the counts and the
//! training's follows, for each feature and for the score, a [`Drift`] with the population stability index.

mod bins;
mod counts;
mod divergence;
mod lookup;
mod reference;
mod steps;

#[cfg(test)]
mod tests;

pub use counts::Counts;
pub use divergence::{Drift, DriftBin};
pub use reference::Reference;
