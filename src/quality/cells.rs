//! Scores in few bins that are narrow where scores crowd.

use super::histogram::BINS;

/// How many cells there are between 0 and 1.
pub(super) const CELLS: usize = 64;

/// Upper bounds of the lower half of the cells, in thousandths; the upper half mirrors it. Between equal steps of the
/// probability and of its logit: the scores of rare events lie near 0, those of nearly certain ones near 1.
const LOWER_HALF: [usize; CELLS / 2] = [
    1, 2, 3, 4, 6, 8, 10, 13, 17, 22, 28, 36, 46, 58, 72, 88, 106, 126, 148, 170, 194, 218, 244, 270, 298, 326, 354,
    382, 412, 441, 470, 500,
];

/// The cell of each of the [`BINS`].
static CELL_OF_BIN: [u8; BINS] = {
    let mut cells = [0; BINS];
    let (mut bin, mut cell) = (0, 0);
    while bin < BINS / 2 {
        if bin == LOWER_HALF[cell] {
            cell += 1;
        }
        cells[bin] = cell as u8;
        cells[BINS - 1 - bin] = (CELLS - 1 - cell) as u8;
        bin += 1;
    }
    cells
};

/// The cell of a bin of a histogram.
#[inline]
pub(super) fn cell(bin: usize) -> usize {
    usize::from(CELL_OF_BIN[bin])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_narrow_near_0_and_1() {
        let bounds = [(0, 0), (3, 3), (4, 4), (5, 4), (6, 5), (469, 30), (470, 31), (499, 31)];
        for (bin, expected) in bounds {
            assert_eq!(cell(bin), expected, "bin {bin}");
            assert_eq!(cell(999 - bin), 63 - expected, "bin {}", 999 - bin);
        }
        assert!((1..BINS).all(|bin| cell(bin) - cell(bin - 1) <= 1));
    }
}
