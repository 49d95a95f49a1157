//! Rows by bin.

use crate::quality::Accumulate;

/// Rows by bin of every feature and of the score, as a [`Reference`](super::Reference) sorts them. Some hundred
/// numbers of 8 bytes; counts of one reference add up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts(pub(super) Vec<u64>);

impl Counts {
    /// Empty counts fit every reference.
    #[inline]
    pub(super) fn fit(&mut self, len: usize) -> &mut [u64] {
        if self.0.len() < len {
            self.0.resize(len, 0);
        }
        &mut self.0
    }
}

impl Accumulate for Counts {
    fn add(&mut self, other: &Self) {
        self.fit(other.0.len());
        for (count, other) in self.0.iter_mut().zip(&other.0) {
            *count += other;
        }
    }
}
