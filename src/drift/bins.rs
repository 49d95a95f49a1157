//! The bins of a feature: those of the training profile, neighbours or rare ones taken together.

use crate::model::FeatureProfile;

/// At most so many bins a feature, missing values aside.
pub(super) const MOST: usize = 20;

pub(super) const MISSING: &str = "(missing)";
const OTHER: &str = "(other)";

/// Bins with their counts in training.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bins {
    pub names: Vec<String>,
    pub counts: Vec<u64>,
}

impl Bins {
    fn with_missing(mut self, missing: u64) -> Bins {
        self.names.push(MISSING.to_owned());
        self.counts.push(missing);
        self
    }

    /// The bin of missing values: the last.
    pub fn missing(&self) -> usize {
        self.counts.len() - 1
    }
}

/// Bins of numbers: their bounds, ascending, and themselves. A bin holds its lower bound and not its upper one.
///
/// More than [`MOST`] are taken together where they are neighbours, such that each has about the same share of the
/// rows.
pub(super) fn numeric(edges: &[f64], counts: &[u64], missing: u64) -> (Vec<f64>, Bins) {
    let total: u128 = counts.iter().copied().map(u128::from).sum();
    let part = |rows: u128| (rows * MOST as u128).checked_div(total).unwrap_or(0);
    let (mut bounds, mut merged) = (Vec::new(), Vec::new());
    let (mut group, mut below, mut ended) = (0u64, 0u128, 0u128);
    for (&edge, &count) in edges.iter().zip(counts) {
        group = group.saturating_add(count);
        below += u128::from(count);
        // Where a group ends, the next of twenty equal parts of the rows has ended.
        let ends = part(below) > part(ended) && merged.len() + 1 < MOST;
        if counts.len() <= MOST || ends {
            bounds.push(edge);
            merged.push(group);
            group = 0;
            ended = below;
        }
    }
    let last = counts.last().copied().unwrap_or(0);
    merged.push(group.saturating_add(last));
    let names = (0..merged.len()).map(
        |bin| match (bin.checked_sub(1).map(|lower| bounds[lower]), bounds.get(bin)) {
            (None, None) => "any".to_owned(),
            (None, Some(upper)) => format!("< {upper}"),
            (Some(lower), Some(upper)) => format!("{lower} to < {upper}"),
            (Some(lower), None) => format!(">= {lower}"),
        },
    );
    let bins = Bins {
        names: names.collect(),
        counts: merged,
    };
    (bounds, bins.with_missing(missing))
}

/// The bin of each value of a category, and the bins: the commonest values in training, and all others in one.
pub(super) fn categorical(values: &[String], profile: &FeatureProfile) -> (Vec<u8>, Bins) {
    let mut common: Vec<usize> = (0..values.len()).collect();
    if values.len() > MOST {
        common.sort_by_key(|&value| std::cmp::Reverse(profile.counts[value]));
        common.truncate(MOST - 1);
        common.sort_unstable();
    }
    let mut bins = Bins {
        names: common.iter().map(|&value| values[value].clone()).collect(),
        counts: common.iter().map(|&value| profile.counts[value]).collect(),
    };
    let other = common.len() as u8;
    let mut table = vec![other; values.len()];
    for (bin, &value) in (0..).zip(&common) {
        table[value] = bin;
    }
    if values.len() > MOST {
        let rest = (0..values.len()).filter(|&value| table[value] == other);
        bins.counts
            .push(rest.fold(0, |sum, value| sum.saturating_add(profile.counts[value])));
        bins.names.push(OTHER.to_owned());
    }
    (table, bins.with_missing(profile.missing))
}
