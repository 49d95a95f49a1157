//! Where a value stands among the thresholds of its feature.

use crate::model::real::Real;

/// How many thresholds a feature may have, so that ranks and the missing value fit into 16 bits.
pub(super) const MOST_THRESHOLDS: usize = u16::MAX as usize - 1;

/// Buckets a threshold: with so many, few buckets hold more than one.
const BUCKETS_EACH: usize = 4;
const MOST_BUCKETS: usize = 1 << 14;

/// The thresholds of a feature, and a grid over them that leaves little to search.
///
/// The rank of a value is the number of thresholds below it: a value is at most the threshold at index `i` where its
/// rank is at most `i`.
#[derive(Debug)]
pub(super) struct Ranks<T> {
    /// Ascending, each once, then infinities for the search to run into.
    thresholds: Box<[T]>,
    count: usize,
    low: T,
    scale: T,
    top: T,
    /// For each bucket of the grid the number of thresholds in those before it.
    starts: Box<[u16]>,
    /// The search within a bucket: it takes steps of `first_step`, half of that, and so on to 1. 0 where no two
    /// thresholds need to be told apart.
    first_step: usize,
}

impl<T: Real> Ranks<T> {
    /// Thresholds in any order, none of them NaN; `None` where there are too many.
    pub fn new(mut thresholds: Vec<T>) -> Option<Self> {
        thresholds.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
        thresholds.dedup();
        let count = thresholds.len();
        if count > MOST_THRESHOLDS {
            return None;
        }
        let finite = || thresholds.iter().copied().filter(|threshold| threshold.is_finite());
        let low = finite().next().unwrap_or(T::ZERO);
        let high = finite().next_back().unwrap_or(T::ZERO);
        let buckets = (count * BUCKETS_EACH).next_power_of_two().min(MOST_BUCKETS);
        let top = T::from_f64((buckets - 1) as f64);
        let mut ranks = Ranks {
            thresholds: thresholds.into(),
            count,
            low,
            scale: top / (high - low),
            top,
            starts: vec![0; buckets].into(),
            first_step: 0,
        };
        let mut sizes = vec![0usize; buckets];
        for &threshold in &ranks.thresholds {
            sizes[ranks.bucket(threshold)] += 1;
        }
        let mut before = 0;
        for (start, size) in ranks.starts.iter_mut().zip(&sizes) {
            *start = before as u16;
            before += size;
        }
        let fullest = sizes.into_iter().max().unwrap_or(0);
        ranks.first_step = (fullest + 1).next_power_of_two() / 2;
        // The furthest that the search looks ahead.
        let padding = 2 * ranks.first_step;
        ranks.thresholds = ranks
            .thresholds
            .iter()
            .copied()
            .chain(std::iter::repeat_n(T::INFINITY, padding))
            .collect();
        Some(ranks)
    }

    /// How many ranks there are: one more than thresholds.
    pub fn len(&self) -> usize {
        self.count + 1
    }

    /// The rank of a missing value, above all others.
    pub fn missing(&self) -> u16 {
        self.len() as u16
    }

    /// The thresholds, ascending.
    pub fn thresholds(&self) -> &[T] {
        &self.thresholds[..self.count]
    }

    /// The index of a threshold, which is also the rank of a value that equals it.
    pub fn position(&self, threshold: T) -> usize {
        self.thresholds().partition_point(|&other| other < threshold)
    }

    /// The ranks of values.
    ///
    /// Each step is made for all values before the next, and without jumps: which way a value goes is as good as random,
    /// and a processor that guesses wrong loses more than the step takes.
    #[inline(always)]
    pub fn places(&self, values: &[T], ranks: &mut [u16]) {
        for (rank, &value) in ranks.iter_mut().zip(values) {
            *rank = self.bucket(value) as u16;
        }
        for rank in ranks.iter_mut() {
            *rank = self.starts[usize::from(*rank) & (self.starts.len() - 1)];
        }
        let mut step = self.first_step;
        // Thresholds of later buckets are above the value, so that the search need not know where its own bucket ends.
        while step > 0 {
            let ahead = &self.thresholds[step - 1..];
            for (rank, &value) in ranks.iter_mut().zip(values) {
                let is_above = value > ahead[usize::from(*rank)];
                *rank += u16::from(is_above).wrapping_neg() & step as u16;
            }
            step /= 2;
        }
        for (rank, &value) in ranks.iter_mut().zip(values) {
            *rank = if value.is_nan() { self.missing() } else { *rank };
        }
    }

    /// The bucket of a value. It only matters that no value is in a bucket before that of a smaller one: whatever is
    /// rounded here is rounded in the same direction for both, and what is no number is in the first bucket.
    #[inline(always)]
    fn bucket(&self, value: T) -> usize {
        let place = (value - self.low) * self.scale;
        let place = if place > T::ZERO { place } else { T::ZERO };
        let place = if place < self.top { place } else { self.top };
        place.round_to_index()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![
            any::<f64>(),
            -3.0..3.0,
            (-5i32..5).prop_map(f64::from),
            Just(f64::INFINITY),
            Just(f64::NEG_INFINITY),
            Just(f64::MAX),
            Just(f64::MIN),
            Just(5e-324),
            Just(-0.0),
        ]
    }

    proptest! {
        #[test]
        fn a_rank_is_the_number_of_thresholds_below(
            thresholds in proptest::collection::vec(number().prop_filter("NaN", |n| !n.is_nan()), 0..40),
            values in proptest::collection::vec(number(), 1..40),
        ) {
            let narrow: Vec<f32> = thresholds.iter().map(|&threshold| threshold as f32).collect();
            let ranks = Ranks::new(thresholds.clone()).unwrap();
            let narrow_ranks = Ranks::new(narrow.clone()).unwrap();
            for &value in values.iter().chain(&thresholds) {
                prop_assert_eq!(rank(&ranks, value), expected(&thresholds, value));
                prop_assert_eq!(rank(&narrow_ranks, value as f32), expected(&narrow, value as f32));
            }
        }
    }

    fn rank<T: Real>(ranks: &Ranks<T>, value: T) -> u16 {
        let mut rank = [0];
        ranks.places(&[value], &mut rank);
        rank[0]
    }

    fn expected<T: Real>(thresholds: &[T], value: T) -> u16 {
        let mut different = thresholds.to_vec();
        different.sort_by(|a, b| a.partial_cmp(b).unwrap());
        different.dedup();
        if value.is_nan() {
            return different.len() as u16 + 1;
        }
        different.iter().filter(|&&threshold| threshold < value).count() as u16
    }

    #[test]
    fn more_thresholds_than_ranks_can_tell_apart_are_refused() {
        let thresholds = |count: usize| (0..count).map(|n| n as f64).collect();
        let ranks = Ranks::new(thresholds(MOST_THRESHOLDS)).unwrap();
        assert_eq!(ranks.missing(), u16::MAX);
        assert_eq!(rank(&ranks, 1e9), u16::MAX - 1);
        assert!(Ranks::new(thresholds(MOST_THRESHOLDS + 1)).is_none());
    }
}
