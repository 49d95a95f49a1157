//! Rows by bin.

use crate::quality::Accumulate;

/// Every so manieth row of a large batch is looked at, and counts for as many.
const STEP: usize = 4;

/// Batches of up to so many rows are counted in full.
const FULL: usize = 64;

/// Rows by bin of every feature and of the score, as a [`Reference`](super::Reference) sorts them. Some hundred
/// numbers of 8 bytes; counts of one reference add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    bins: Vec<u64>,
    /// Rows whose features were looked at.
    looked_at: u64,
    /// Batches of which not all rows were.
    sampled: u64,
}

/// The rows of a batch that are looked at.
pub(super) struct Sample {
    pub first: usize,
    /// From one to the next, and how many rows each stands for.
    pub step: usize,
}

impl Counts {
    /// Empty counts fit every reference.
    #[inline]
    pub(super) fn fit(&mut self, len: usize) -> &mut [u64] {
        if self.bins.len() < len {
            self.bins.resize(len, 0);
        }
        &mut self.bins
    }

    /// Chooses rows of a batch, and counts them as looked at.
    pub(super) fn sample(&mut self, rows: usize) -> Sample {
        let sample = if rows > FULL {
            // Each large batch begins one row later than the one before: no pattern in the rows hides from all.
            let first = self.sampled % STEP as u64;
            self.sampled += 1;
            Sample {
                first: first as usize,
                step: STEP,
            }
        } else {
            Sample { first: 0, step: 1 }
        };
        self.looked_at += (rows - sample.first).div_ceil(sample.step) as u64;
        sample
    }

    pub(super) fn looked_at(&self) -> u64 {
        self.looked_at
    }
}

impl Accumulate for Counts {
    fn add(&mut self, other: &Self) {
        self.fit(other.bins.len());
        for (count, other) in self.bins.iter_mut().zip(&other.bins) {
            *count += other;
        }
        self.looked_at += other.looked_at;
        self.sampled += other.sampled;
    }
}
