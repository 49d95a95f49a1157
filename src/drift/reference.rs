//! A model's training profile, ready to be compared with.

use super::bins::{self, Bins};
use super::counts::{Counts, Sample};
use super::divergence::Drift;
use super::lookup::Lookup;
use super::steps::Steps;
use crate::model::{Features, Input, Metadata};
use std::ops::Range;

/// Rows that are looked at at a time, column by column; they stay in the nearest cache.
const BLOCK: usize = 256;

/// The training profile of a model, in at most 20 bins a feature; shared by all workers as `Arc<Reference>`.
///
/// Features that the model is never given are left out.
#[derive(Debug)]
pub struct Reference {
    /// How many features a row has.
    width: usize,
    features: Vec<(Lookup, Range<usize>)>,
    score: Steps,
    /// Where the counts of the score are: they are the last.
    scores: Range<usize>,
    /// The bins of the features, in the order of the profile, and of the score, and where their counts are.
    bins: Vec<(String, Bins, Range<usize>)>,
}

impl Reference {
    /// None where the model has no training profile.
    pub fn new(metadata: &Metadata) -> Option<Reference> {
        let profile = metadata.profile.as_ref()?;
        let (mut features, mut all) = (Vec::new(), Vec::new());
        let mut end = 0;
        let mut next = |bins: &Bins| {
            let begin = end;
            end += bins.counts.len();
            begin..end
        };
        for profile in &profile.features {
            let mut columns = metadata.features.iter().enumerate();
            let Some((column, feature)) = columns.find(|(_, feature)| feature.name == profile.name) else {
                continue;
            };
            if feature.always_missing {
                continue;
            }
            let (lookup, bins) = match &feature.input {
                Input::Numeric => {
                    let (bounds, bins) = bins::numeric(&profile.edges, &profile.counts, profile.missing);
                    (Lookup::numbers(column, feature.column, &bounds, bins.missing()), bins)
                }
                Input::Categorical(values) => {
                    let (table, bins) = bins::categorical(values, profile);
                    (Lookup::categories(column, table, bins.missing()), bins)
                }
            };
            let range = next(&bins);
            features.push((lookup, range.clone()));
            all.push((profile.name.clone(), bins, range));
        }
        let (bounds, bins) = bins::numeric(&profile.score.edges, &profile.score.counts, 0);
        let scores = next(&bins);
        all.push((Metadata::SCORE.to_owned(), bins, scores.clone()));
        Some(Reference {
            width: metadata.features.len(),
            features,
            score: Steps::new(bounds),
            scores,
            bins: all,
        })
    }

    /// Counts the features of a batch of this model, and the score of each of its rows: the probability of the positive
    /// label, NaN for a missing one.
    ///
    /// Of more than 64 rows every fourth is looked at, and counts for four: rows are then an estimate, whose sum is at
    /// most 3 off that of the batch. Where the next large batch begins moves on by a row. Chance has the
    /// effect that it has on as many rows as were looked at.
    pub fn observe(&self, features: Features<'_>, score: impl Fn(usize) -> f64, counts: &mut Counts) {
        match features {
            Features::F32(matrix) => self.count(matrix, score, counts),
            Features::F64(matrix) => self.count(matrix, score, counts),
        }
    }

    fn count<T: Copy + Into<f64>>(&self, matrix: &[T], score: impl Fn(usize) -> f64, counts: &mut Counts) {
        let rows = matrix.len() / self.width;
        let Sample { first, step } = counts.sample(rows);
        let counts = counts.fit(self.scores.end);
        for row in (first..rows).step_by(step) {
            counts[self.scores.start + self.score.bin(score(row))] += step as u64;
        }
        for rows in matrix[first * self.width..].chunks(self.width * step * BLOCK) {
            for (lookup, range) in &self.features {
                lookup.count(rows, self.width, step, &mut counts[range.clone()]);
            }
        }
    }

    /// How far the counts are from those in training: for each feature, in the order of the profile, and for the score.
    pub fn drifts(&self, counts: &Counts) -> Vec<Drift> {
        let (looked_at, mut counts) = (counts.looked_at(), counts.clone());
        let counts = counts.fit(self.scores.end);
        let drift = |(name, bins, range): &(String, Bins, Range<usize>)| {
            Drift::new(name, &bins.names, &bins.counts, &counts[range.clone()], looked_at)
        };
        self.bins.iter().map(drift).collect()
    }
}
