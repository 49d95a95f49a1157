//! From a score to its bin.

/// So many cells of equal width between 0 and 1 say where to begin to look; a power of two, so that cells are exact.
const CELLS: usize = 256;

/// The bins of a score. A bin holds its lower bound.
#[derive(Debug)]
pub(super) struct Steps {
    /// Ascending.
    bounds: Vec<f64>,
    /// How many bounds are not above the lower end of each cell.
    begin: Vec<u8>,
}

impl Steps {
    /// At most 255 bounds, ascending.
    pub fn new(bounds: Vec<f64>) -> Steps {
        let lower = |cell: usize| {
            if cell == 0 {
                f64::NEG_INFINITY
            } else {
                cell as f64 / CELLS as f64
            }
        };
        let begin = (0..=CELLS).map(|cell| bounds.partition_point(|&bound| bound <= lower(cell)) as u8);
        Steps {
            begin: begin.collect(),
            bounds,
        }
    }

    /// The bin of a score; one more than there are bounds is that of NaN.
    #[inline]
    pub fn bin(&self, score: f64) -> usize {
        if score.is_nan() {
            return self.bounds.len() + 1;
        }
        let cell = (score * CELLS as f64) as u32 as usize;
        let mut bin = usize::from(self.begin[cell.min(CELLS)]);
        while self.bounds.get(bin).is_some_and(|&bound| bound <= score) {
            bin += 1;
        }
        bin
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bin_is_the_number_of_bounds_that_are_not_above(
            mut bounds in prop::collection::vec(-0.5..1.5, 0..20),
            score in prop_oneof![4 => -0.5..1.5, 1 => (0..=256).prop_map(|cell| f64::from(cell) / 256.0)],
        ) {
            bounds.push(0.25);
            bounds.sort_by(f64::total_cmp);
            let steps = Steps::new(bounds.clone());
            for score in [score, bounds[0], bounds[bounds.len() - 1], f64::INFINITY, f64::NEG_INFINITY, -0.0, 1.0] {
                let expected = bounds.iter().filter(|&&bound| bound <= score).count();
                prop_assert_eq!(steps.bin(score), expected, "{} in {:?}", score, bounds);
            }
            prop_assert_eq!(steps.bin(f64::NAN), bounds.len() + 1);
        }
    }
}
