//! A model's training profile, ready to be compared with.

use super::bins::{self, Bins};
use super::counts::Counts;
use super::divergence::Drift;
use crate::flight::Column;
use crate::model::{Features, Input, Metadata};
use std::ops::RangeInclusive;

/// The training profile of a model, in at most 20 bins a feature; shared by all workers as `Arc<Reference>`.
///
/// Features that the model is never given are left out.
#[derive(Debug)]
pub struct Reference {
    /// How many columns a row of features has.
    width: usize,
    features: Vec<Lookup>,
    score: Steps,
    /// Of the features, in the order of the profile, and of the score, with their names.
    bins: Vec<(String, Bins)>,
    /// How many counts there are.
    len: usize,
}

/// From the value of a feature to its count.
#[derive(Debug)]
struct Lookup {
    /// Among the features of the model.
    column: usize,
    /// What is added to a value to have its place in `counts`; that is at least 1.
    offset: f64,
    /// The place of the bin's count among all counts. The first is that of missing values.
    counts: Vec<u16>,
}

/// From the score to its count.
#[derive(Debug)]
struct Steps {
    /// Ascending; a bin holds its lower bound.
    bounds: Vec<f64>,
    first: usize,
}

impl Reference {
    /// None where the model has no training profile.
    pub fn new(metadata: &Metadata) -> Option<Reference> {
        let profile = metadata.profile.as_ref()?;
        let (mut features, mut all, mut len) = (Vec::new(), Vec::new(), 0);
        for profile in &profile.features {
            let found = metadata
                .features
                .iter()
                .position(|feature| feature.name == profile.name);
            let Some((column, feature)) = found.map(|column| (column, &metadata.features[column])) else {
                continue;
            };
            if feature.always_missing {
                continue;
            }
            let (lowest, table, bins) = match &feature.input {
                Input::Numeric => {
                    let (bounds, bins) = bins::numeric(&profile.edges, &profile.counts, profile.missing);
                    let (lowest, table) = table(feature.column, &bounds);
                    (lowest, table, bins)
                }
                Input::Categorical(values) => {
                    let (table, bins) = bins::categorical(values, profile);
                    (0, table, bins)
                }
            };
            let missing = (bins.counts.len() - 1) as u16;
            let table = std::iter::once(missing).chain(table);
            features.push(Lookup {
                column,
                offset: 1.0 - f64::from(lowest),
                counts: table.map(|bin| len as u16 + bin).collect(),
            });
            len += bins.counts.len();
            all.push((profile.name.clone(), bins));
        }
        let (bounds, bins) = bins::numeric(&profile.score.edges, &profile.score.counts, 0);
        let score = Steps { bounds, first: len };
        len += bins.counts.len();
        all.push(("score".to_owned(), bins));
        Some(Reference {
            width: metadata.features.len(),
            features,
            score,
            bins: all,
            len,
        })
    }

    /// No rows.
    pub fn counts(&self) -> Counts {
        Counts(vec![0; self.len])
    }

    /// Counts the features of a batch of this model.
    pub fn observe(&self, features: Features<'_>, counts: &mut Counts) {
        match features {
            Features::F32(matrix) => self.count(matrix, counts),
            Features::F64(matrix) => self.count(matrix, counts),
        }
    }

    fn count<T: Copy + Into<f64>>(&self, matrix: &[T], counts: &mut Counts) {
        let counts = counts.fit(self.len);
        for row in matrix.chunks_exact(self.width) {
            for lookup in &self.features {
                counts[lookup.count(row[lookup.column].into())] += 1;
            }
        }
    }

    /// Counts the score of a row, the probability of the positive label. NaN is a missing one.
    #[inline]
    pub fn observe_score(&self, score: f64, counts: &mut Counts) {
        counts.fit(self.len)[self.score.count(score)] += 1;
    }

    /// How far the counts are from those in training: for each feature, in the order of the profile, and for the score.
    pub fn drifts(&self, counts: &Counts) -> Vec<Drift> {
        let mut rest = counts.0.iter().copied().chain(std::iter::repeat(0));
        let drift = |(name, bins): &(String, Bins)| {
            let rows: Vec<u64> = rest.by_ref().take(bins.counts.len()).collect();
            Drift::new(name, &bins.names, &bins.counts, &rows)
        };
        self.bins.iter().map(drift).collect()
    }
}

impl Steps {
    #[inline]
    fn count(&self, score: f64) -> usize {
        if score.is_nan() {
            return self.first + self.bounds.len() + 1;
        }
        self.first + self.bounds.iter().filter(|&&bound| bound <= score).count()
    }
}

impl Lookup {
    #[inline]
    fn count(&self, value: f64) -> usize {
        // Limits leave NaN as it is, and a cast makes it 0.
        let place = (value + self.offset).clamp(1.0, (self.counts.len() - 1) as f64) as u32;
        usize::from(self.counts[place as usize])
    }
}

/// The bins of whole numbers from one less than the lowest bound to the highest, which stand for all beyond them. The
/// first number comes first.
fn table(column: Column, bounds: &[f64]) -> (i32, Vec<u16>) {
    // A row with a number outside of its column's range is rejected, so no table needs to be larger.
    let (least, greatest) = column.range().map_or((0, 0), RangeInclusive::into_inner);
    let inside = |bound: f64| bound.ceil().clamp(f64::from(least), f64::from(greatest)) as i32;
    let lowest = bounds.first().map_or(least, |&bound| inside(bound) - 1);
    let highest = bounds.last().map_or(least, |&bound| inside(bound));
    let bin = |value: i32| bounds.partition_point(|&bound| bound <= f64::from(value)) as u16;
    (lowest, (lowest..=highest).map(bin).collect())
}
