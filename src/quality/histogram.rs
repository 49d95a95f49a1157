//! Scores in narrow bins, by truth.

use super::cells::{CELLS, cell};
use super::figures::Auc;
use super::sliding::Accumulate;

/// How many bins of equal width there are between 0 and 1.
pub(super) const BINS: usize = 1_000;

/// How many bins are shown outside: [`BINS`] would be too many series.
const SHOWN: usize = 50;

/// Rows by bin of their score and by truth: `[truth NO, truth YES]`. 16,000 bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Histogram(Vec<[u64; 2]>);

/// A bin of scores above `upper` - 0.02 and up to `upper`; the lowest also has the scores of 0.
///
/// All of its counts only ever grow, so those of several instances can be added up, and with them, over the bins,
/// AUC = Σ positives × (negatives_below + negatives / 2) / (Σ positives × Σ negatives).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreBin {
    pub upper: f64,
    /// Rows whose truth is the positive label.
    pub positives: u64,
    /// Rows whose truth is another label.
    pub negatives: u64,
    /// The negatives of all lower bins.
    pub negatives_below: u64,
}

/// The bin of a score within 0 and 1. A bin holds its upper bound and not its lower one, as with Prometheus' `le` and
/// scikit-learn's `calibration_curve`; the first holds 0, too.
#[inline]
fn bin(score: f64) -> usize {
    let scaled = score * BINS as f64;
    let floor = scaled as u32;
    // A bound belongs to the bin that ends there.
    let on_bound = u32::from(f64::from(floor) == scaled);
    floor.saturating_sub(on_bound) as usize
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram(vec![[0; 2]; BINS])
    }
}

impl Accumulate for Histogram {
    fn add(&mut self, other: &Self) {
        add_counts(&mut self.0, &other.0);
    }
}

pub(super) fn add_counts(counts: &mut [[u64; 2]], others: &[[u64; 2]]) {
    for (counts, others) in counts.iter_mut().zip(others) {
        counts[0] += others[0];
        counts[1] += others[1];
    }
}

impl Histogram {
    /// Adds a score within 0 and 1 and returns its bin.
    #[inline]
    pub fn observe(&mut self, score: f64, truth: bool) -> usize {
        let bin = bin(score);
        self.0[bin][usize::from(truth)] += 1;
        bin
    }

    /// The counts of neighbouring bins taken together, in `bins` groups.
    pub fn grouped(&self, bins: usize) -> impl Iterator<Item = [u64; 2]> {
        self.0.chunks(BINS / bins).map(total)
    }

    /// The counts by cell.
    pub fn cells(&self) -> [[u64; 2]; CELLS] {
        let mut cells = [[0; 2]; CELLS];
        for (bin, counts) in self.0.iter().enumerate() {
            add_counts(
                std::slice::from_mut(&mut cells[cell(bin)]),
                std::slice::from_ref(counts),
            );
        }
        cells
    }

    /// The share of the pairs of either truth that are in one cell and not in one bin: what cells lose. NaN without
    /// pairs.
    pub fn lost(&self) -> f64 {
        let [negatives, positives] = self.rows();
        let lost = tied(&self.cells()) - tied(&self.0);
        lost as f64 / negatives as f64 / positives as f64
    }

    /// How many rows there are: `[truth NO, truth YES]`.
    pub fn rows(&self) -> [u64; 2] {
        total(&self.0)
    }

    pub fn shown(&self) -> impl Iterator<Item = ScoreBin> {
        let mut negatives_below = 0;
        (1..)
            .zip(self.grouped(SHOWN))
            .map(move |(number, [negatives, positives])| {
                let bin = ScoreBin {
                    upper: f64::from(number) / SHOWN as f64,
                    positives,
                    negatives,
                    negatives_below,
                };
                negatives_below += negatives;
                bin
            })
    }

    /// None where truth is always the same.
    pub fn auc(&self) -> Option<Auc> {
        let [negatives, positives] = self.rows();
        if negatives == 0 || positives == 0 {
            return None;
        }
        // Twice the pairs in the right order, those in one bin counted once.
        let (mut ordered, mut below) = (0u128, 0u128);
        for [negatives, positives] in self.0.iter().map(|counts| counts.map(u128::from)) {
            ordered += positives * (2 * below + negatives);
            below += negatives;
        }
        let twice_pairs = 2.0 * positives as f64 * negatives as f64;
        Some(Auc {
            value: ordered as f64 / twice_pairs,
            bound: tied(&self.0) as f64 / twice_pairs,
        })
    }
}

/// The pairs of rows of either truth that are in one bin.
fn tied(counts: &[[u64; 2]]) -> u128 {
    let pairs = |counts: &[u64; 2]| u128::from(counts[0]) * u128::from(counts[1]);
    counts.iter().map(pairs).sum()
}

fn total(counts: &[[u64; 2]]) -> [u64; 2] {
    let mut sum = [0; 2];
    for [negatives, positives] in counts {
        sum[0] += negatives;
        sum[1] += positives;
    }
    sum
}
