//! Where the fields of a row begin.

use super::row::{COLUMNS, LABELS};
use std::ops::Range;

/// Bytes that are looked at at a time.
const WORD: usize = 8;

const ONES: u64 = u64::from_ne_bytes([0x01; WORD]);
const LOW_BITS: u64 = u64::from_ne_bytes([0x7f; WORD]);
const COMMAS: u64 = u64::from_ne_bytes([b','; WORD]);

/// For each choice of bytes of a word, the positions that follow them.
static FOLLOWING: [[u32; WORD]; 256] = {
    let mut all = [[0; WORD]; 256];
    let mut choice = 0;
    while choice < all.len() {
        let (mut byte, mut count) = (0, 0);
        while byte < WORD {
            if choice >> byte & 1 == 1 {
                all[choice][count] = byte as u32 + 1;
                count += 1;
            }
            byte += 1;
        }
        choice += 1;
    }
    all
};

/// Where each field begins, and where one behind the last would. A word's worth is written at a time: there is room for
/// what is too much.
#[derive(Debug)]
pub(super) struct Starts([u32; COLUMNS + 1 + WORD]);

impl Default for Starts {
    fn default() -> Self {
        Starts([0; COLUMNS + 1 + WORD])
    }
}

impl Starts {
    /// Splits a line at its commas, without a branch on where they are: nobody can foresee it. Returns how many fields
    /// there are; where they are too many, they have only been counted.
    pub fn split(&mut self, line: &[u8]) -> usize {
        let (words, rest) = line.as_chunks();
        let words = words.iter().map(|&word| u64::from_le_bytes(word));
        let (mut position, mut commas) = (0, 0);
        for word in words.chain([last_word(line, rest)]) {
            let Some(starts) = self.0[1..].get_mut(commas..commas + WORD) else {
                return memchr::memchr_iter(b',', line).count() + 1;
            };
            let found = zeros(word ^ COMMAS);
            for (start, following) in starts.iter_mut().zip(FOLLOWING[choice(found)]) {
                *start = position + following;
            }
            // The sum of the bytes.
            commas += (found.wrapping_mul(ONES) >> 56) as usize;
            position += WORD as u32;
        }
        self.0[0] = 0;
        if let Some(end) = self.0.get_mut(1 + commas) {
            *end = line.len() as u32 + 1;
        }
        commas + 1
    }

    /// Fields that end here, without separators.
    pub fn set(&mut self, ends: &[usize]) {
        self.0[0] = 0;
        for (start, &end) in self.0[1..].iter_mut().zip(ends) {
            *start = end as u32;
        }
    }

    /// Moves the fields of a row of this width to their columns, from 29 to 31. Those that it does not have end where
    /// they begin, or before.
    pub fn place(&mut self, width: usize) {
        const FIRST_LABEL: usize = COLUMNS - LABELS;
        if width == FIRST_LABEL {
            let end = self.0[FIRST_LABEL];
            self.0[FIRST_LABEL + 1..=COLUMNS].fill(end);
        } else if width < COLUMNS {
            self.0.copy_within(width - LABELS..=width, FIRST_LABEL);
        }
    }

    /// The place of a field, with so many bytes between two.
    #[inline]
    pub fn field(&self, column: usize, separator: usize) -> Range<usize> {
        let start = self.0[column] as usize;
        let next = self.0[column + 1] as usize;
        start..next.wrapping_sub(separator)
    }
}

/// What of a line stands behind its last whole word, with zeros behind it.
#[inline]
fn last_word(line: &[u8], rest: &[u8]) -> u64 {
    match line.last_chunk() {
        Some(last) => u64::from_le_bytes(*last).unbounded_shr(64 - 8 * rest.len() as u32),
        None => rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    }
}

/// 1 in each byte that is zero, else 0.
#[inline]
fn zeros(word: u64) -> u64 {
    !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS) >> 7
}

/// The bytes that are 1 as bits, the first as the lowest.
#[inline]
fn choice(ones: u64) -> usize {
    // Each product of two bits falls on a place of its own.
    (ones.wrapping_mul(0x0102_0408_1020_4080) >> 56) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn fields_are_those_between_commas(line in "[,a+é¬-]{1,100}|,{0,40}|([a-z]{0,12},){28,30}[a-z]{0,12}") {
            let mut starts = Starts::default();
            let fields: Vec<_> = line.as_bytes().split(|&byte| byte == b',').collect();
            prop_assert_eq!(starts.split(line.as_bytes()), fields.len());
            if fields.len() <= COLUMNS {
                let found: Vec<_> = (0..fields.len()).map(|column| &line.as_bytes()[starts.field(column, 1)]).collect();
                prop_assert_eq!(found, fields);
            }
        }
    }
}
