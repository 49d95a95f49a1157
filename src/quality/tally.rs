//! The scores of a model against truth.

use super::figures::{CalibrationBin, Confusion, Figures};
use super::histogram::{BINS, Histogram, ScoreBin};
use super::sliding::Accumulate;

/// Bins of the calibration table.
const CALIBRATION: usize = 10;

/// Below this the product of likelihoods goes over into the sum of their logarithms. Times the smallest likelihood
/// there is, it is still a normal double.
const SMALL: f64 = 1e-280;

/// Scores against truth, in about 16 KiB however many rows there are.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    histogram: Histogram,
    /// The sum of scores in each bin of the calibration table.
    scores: [f64; CALIBRATION],
    /// Rows by verdict and by truth.
    verdicts: [[u64; 2]; 2],
    squared_error: f64,
    /// The log loss but for the rows in `likelihood`.
    log_loss: f64,
    /// The product of what was given to that which came true. One logarithm of it stands for hundreds.
    likelihood: f64,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            histogram: Histogram::default(),
            scores: [0.0; CALIBRATION],
            verdicts: [[0; 2]; 2],
            squared_error: 0.0,
            log_loss: 0.0,
            likelihood: 1.0,
        }
    }
}

impl Tally {
    /// Adds a row: the probability of the positive label, whether that label was predicted, and whether it came true.
    /// A score that is NaN is ignored.
    #[inline]
    pub fn observe(&mut self, score: f64, said_positive: bool, truth: bool) {
        if score.is_nan() {
            return;
        }
        let score = score.clamp(0.0, 1.0);
        let bin = self.histogram.observe(score, truth);
        self.scores[bin / (BINS / CALIBRATION)] += score;
        self.verdicts[usize::from(said_positive)][usize::from(truth)] += 1;
        // Without a branch on the truth, which nobody can foresee.
        let error = score - f64::from(truth);
        let likelihood = (score - f64::from(!truth)).abs();
        self.squared_error += error * error;
        self.likelihood *= likelihood.clamp(f64::EPSILON, 1.0 - f64::EPSILON);
        if self.likelihood < SMALL {
            self.log_loss -= self.likelihood.ln();
            self.likelihood = 1.0;
        }
    }

    pub fn add(&mut self, other: &Tally) {
        self.histogram.add(&other.histogram);
        for (sum, other) in self.scores.iter_mut().zip(other.scores) {
            *sum += other;
        }
        for (counts, others) in self.verdicts.iter_mut().zip(other.verdicts) {
            counts[0] += others[0];
            counts[1] += others[1];
        }
        self.squared_error += other.squared_error;
        self.log_loss += other.log_loss();
    }

    /// How many rows were observed.
    pub fn rows(&self) -> u64 {
        self.verdicts.iter().flatten().sum()
    }

    pub fn confusion(&self) -> Confusion {
        let [[true_negatives, false_negatives], [false_positives, true_positives]] = self.verdicts;
        Confusion {
            true_positives,
            false_positives,
            true_negatives,
            false_negatives,
        }
    }

    /// 50 bins of scores, ascending.
    pub fn bins(&self) -> impl Iterator<Item = ScoreBin> {
        self.histogram.shown()
    }

    /// The sum of the scores in each of ten bins, ascending, with the bin's upper bound. A bin has the scores above the
    /// bound before it and up to its own, the lowest also those of 0; five of [`bins`](Self::bins) make one.
    ///
    /// With the rows and positives of the bin, each of which only ever grows, it gives the calibration of several
    /// instances: mean score and observed rate.
    pub fn score_sums(&self) -> impl Iterator<Item = (f64, f64)> {
        (1..).zip(self.scores).map(|(number, sum)| (bound(number), sum))
    }

    /// The sum of squared errors; by rows, the Brier score.
    pub fn squared_error(&self) -> f64 {
        self.squared_error
    }

    /// The sum of -ln of what was given to that which came true; by rows, the log loss.
    pub fn log_loss(&self) -> f64 {
        self.log_loss - self.likelihood.ln()
    }

    /// None where nothing was observed.
    pub fn figures(&self) -> Option<Figures> {
        if self.rows() == 0 {
            return None;
        }
        let rows = self.rows() as f64;
        let confusion = self.confusion();
        let calibration = self.calibration();
        let distance = |bin: &CalibrationBin| bin.rows as f64 * (bin.mean_score - bin.observed_rate).abs();
        Some(Figures {
            rows: self.rows(),
            positives: confusion.true_positives + confusion.false_negatives,
            auc: self.histogram.auc(),
            brier: self.squared_error / rows,
            log_loss: self.log_loss() / rows,
            accuracy: (confusion.true_positives + confusion.true_negatives) as f64 / rows,
            confusion,
            calibration_error: calibration.iter().map(distance).sum::<f64>() / rows,
            calibration,
        })
    }

    fn calibration(&self) -> Vec<CalibrationBin> {
        let groups = self.histogram.grouped(CALIBRATION).zip(self.scores).enumerate();
        let bin = |(number, ([negatives, positives], sum)): (usize, ([u64; 2], f64))| {
            let rows = negatives + positives;
            CalibrationBin {
                lower: bound(number),
                upper: bound(number + 1),
                rows,
                mean_score: sum / rows as f64,
                observed_rate: positives as f64 / rows as f64,
            }
        };
        groups.map(bin).filter(|bin| bin.rows > 0).collect()
    }
}

/// The upper bound of that many bins of the calibration table.
fn bound(number: usize) -> f64 {
    number as f64 / CALIBRATION as f64
}

impl Accumulate for Tally {
    fn add(&mut self, other: &Self) {
        Tally::add(self, other);
    }
}
