//! From the value of a feature to its bin.

use crate::flight::Column;
use std::ops::RangeInclusive;

/// More than there are bins of a feature, with that of missing values.
const PLACES: usize = 32;

/// Doubles from here on to its double have whole numbers in their last bits.
const WHOLE: f64 = (1u64 << 52) as f64;

/// The bins of a feature whose values are whole numbers: those in the fields of a row, or the positions of categories.
#[derive(Debug)]
pub(super) struct Lookup {
    /// Among the features of the model.
    column: usize,
    /// The numbers that `bins` has; those beyond count as the nearer of the two.
    lowest: f64,
    highest: f64,
    /// The bin of missing values, then those of all numbers from the lowest to the highest.
    bins: Vec<u8>,
}

impl Lookup {
    /// `bins` are those of the categories by position, `missing` is that of missing values.
    pub fn categories(column: usize, bins: Vec<u8>, missing: usize) -> Lookup {
        Lookup::new(column, 0, bins, missing)
    }

    /// `bounds`, ascending, lie between the bins of a feature that is read from `field`; a bin holds its lower bound.
    pub fn numbers(column: usize, field: Column, bounds: &[f64], missing: usize) -> Lookup {
        // A row with a number out of its column's range is rejected, so no table needs to have more.
        let (least, greatest) = field.range().map_or((0, 0), RangeInclusive::into_inner);
        let inside = |bound: f64| bound.ceil().clamp(f64::from(least), f64::from(greatest)) as i32;
        // All numbers below the first bound have one bin, and so have all from the last one on.
        let lowest = bounds.first().map_or(least, |&bound| inside(bound) - 1);
        let highest = bounds.last().map_or(least, |&bound| inside(bound));
        let bin = |value: i32| bounds.partition_point(|&bound| bound <= f64::from(value)) as u8;
        Lookup::new(column, lowest, (lowest..=highest).map(bin).collect(), missing)
    }

    fn new(column: usize, lowest: i32, mut bins: Vec<u8>, missing: usize) -> Lookup {
        let lowest = f64::from(lowest);
        let highest = lowest + bins.len() as f64 - 1.0;
        bins.insert(0, missing as u8);
        Lookup {
            column,
            lowest,
            highest,
            bins,
        }
    }

    /// Adds rows to the counts of this feature's bins, each `step` times: the first of `step` rows and those that
    /// follow it at this distance. A row has `width` features.
    pub fn count<T: Copy + Into<f64>>(&self, rows: &[T], width: usize, step: usize, counts: &mut [u64]) {
        // A count that is raised row after row waits for itself: neighbouring rows have counts of their own.
        let (mut even, mut odd) = ([0u32; PLACES], [0u32; PLACES]);
        let stride = step * width;
        let mut pairs = rows.chunks_exact(2 * stride);
        for pair in &mut pairs {
            even[self.bin(pair[self.column].into())] += 1;
            odd[self.bin(pair[stride + self.column].into())] += 1;
        }
        for &value in pairs.remainder().iter().skip(self.column).step_by(stride) {
            even[self.bin(value.into())] += 1;
        }
        for (count, (even, odd)) in counts.iter_mut().zip(even.into_iter().zip(odd)) {
            *count += step as u64 * (u64::from(even) + u64::from(odd));
        }
    }

    /// Below [`PLACES`].
    #[inline]
    fn bin(&self, value: f64) -> usize {
        // Not `clamp`, which would look at the limits each time; NaN stays what it is, too.
        let value = if value < self.lowest { self.lowest } else { value };
        let value = if value > self.highest { self.highest } else { value };
        // Half the price of a cast. NaN has zeros in its last bits, which is the place of missing values.
        let place = (value + (WHOLE + 1.0 - self.lowest)).to_bits() as u32;
        usize::from(self.bins.get(place as usize).copied().unwrap_or_default()) % PLACES
    }
}
