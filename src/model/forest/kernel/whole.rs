//! Whole numbers, whose rank needs no search.

use super::ranks::Ranks;
use crate::model::real::Real;

/// The largest table: so many bytes are a third of a processor's first cache.
const MOST: usize = 1 << 14;

/// The whole numbers from below the lowest threshold of a feature to above its highest. Fields of a row, and positions
/// in a list of categories, are such numbers.
///
/// The place of a value is its distance from the lowest of them; a missing value's is the last.
#[derive(Debug)]
pub(super) struct Whole<T> {
    low: T,
    high: T,
    missing: u16,
}

impl<T: Real> Whole<T> {
    /// `None` where they are too many, or there are no thresholds.
    pub fn new(ranks: &Ranks<T>) -> Option<Self> {
        let (low, high) = (*ranks.thresholds().first()?, *ranks.thresholds().last()?);
        // What is not above the lowest threshold has its rank, and what is above the highest is like all that is.
        let (low, high) = (low.floor(), high.floor() + T::ONE);
        let limit = T::from_f64(MOST as f64);
        if !(low > -limit && high < limit && high - low < limit - T::ONE) {
            return None;
        }
        let missing = (high - low).round_to_index() as u16 + 1;
        Some(Whole { low, high, missing })
    }

    /// The rank of each place.
    pub fn ranks(&self, ranks: &Ranks<T>) -> Vec<u16> {
        let numbers = (0..self.missing).map(|place| self.low + T::from_i32(i32::from(place)));
        let values: Vec<T> = numbers.chain([T::NAN]).collect();
        let mut found = vec![0; values.len()];
        ranks.places(&values, &mut found);
        found
    }

    /// The places of values. Returns whether all of them are whole numbers, or beyond the thresholds, or missing: if
    /// not, the places mean nothing.
    #[inline(always)]
    pub fn places(&self, values: &[T], places: &mut [u16]) -> bool {
        let mut all = true;
        for (place, &value) in places.iter_mut().zip(values) {
            let within = if value > self.low { value } else { self.low };
            let within = if within < self.high { within } else { self.high };
            all &= within.rounded() == within;
            let index = (within - self.low).round_to_index() as u16;
            *place = if value.is_nan() { self.missing } else { index };
        }
        all
    }
}
