//! Looking up many values of a table at once.

use super::MOST_FEATURES;
#[cfg(target_arch = "x86_64")]
use super::instructions::Instructions;
use super::instructions::Usable;
use super::trees::MOST_LEAVES;
use crate::model::real::Real;

/// Values that are looked up together.
const AT_ONCE: usize = 16;

/// What a table of bytes has behind its last entry: processors look up no less than four bytes.
pub(super) const PADDING: [u8; 3] = [0; 3];

/// Adds the value of each row's leaf to its score.
#[inline(always)]
pub(super) fn add<T: Real>(usable: Usable, values: &[T; MOST_LEAVES], leaves: &[u8], scores: &mut [T]) {
    let (many, few) = scores.as_chunks_mut::<AT_ONCE>();
    let (many_leaves, few_leaves) = leaves.split_at(many.len() * AT_ONCE);
    for (scores, leaves) in many.iter_mut().zip(many_leaves.as_chunks().0) {
        #[expect(unsafe_code, reason = "gather tells")]
        // SAFETY: there is a value for each byte.
        let found = unsafe { gather(usable, values.as_ptr(), &leaves.map(u32::from)) };
        for (score, value) in scores.iter_mut().zip(found) {
            *score += value;
        }
    }
    for (score, &leaf) in few.iter_mut().zip(few_leaves) {
        *score += values[usize::from(leaf)];
    }
}

/// Takes the bytes at these places of a table that ends with [`PADDING`].
#[inline(always)]
pub(super) fn bytes(usable: Usable, table: &[u8], places: &[u16], bytes: &mut [u8]) {
    let last = table.len() - PADDING.len() - 1;
    let (many, few) = bytes.as_chunks_mut::<AT_ONCE>();
    let (many_places, few_places) = places.split_at(many.len() * AT_ONCE);
    for (bytes, places) in many.iter_mut().zip(many_places.as_chunks().0) {
        let indexes = places.map(|place| u32::from(place).min(last as u32));
        #[expect(unsafe_code, reason = "gather tells")]
        // SAFETY: no index is beyond the last entry, and three bytes follow that.
        let found = unsafe { gather(usable, table.as_ptr(), &indexes) };
        *bytes = found;
    }
    for (byte, &place) in few.iter_mut().zip(few_places) {
        *byte = table[usize::from(place)];
    }
}

/// Takes one column of the first rows of a matrix, `[rows, width]`.
#[inline(always)]
pub(super) fn column<T: Real>(usable: Usable, matrix: &[T], width: usize, column: usize, values: &mut [T]) {
    assert!(column < width && width <= MOST_FEATURES, "column {column} of {width}");
    let (many, few) = values.as_chunks_mut::<AT_ONCE>();
    let (many_rows, few_rows) = matrix.split_at(many.len() * AT_ONCE * width);
    let indexes = std::array::from_fn(|row| (row * width + column) as u32);
    for (values, rows) in many.iter_mut().zip(many_rows.chunks_exact(AT_ONCE * width)) {
        #[expect(unsafe_code, reason = "gather tells")]
        // SAFETY: the column is within each of the rows.
        let found = unsafe { gather(usable, rows.as_ptr(), &indexes) };
        *values = found;
    }
    for (value, row) in few.iter_mut().zip(few_rows.chunks_exact(width)) {
        *value = row[column];
    }
}

/// The entries of a table at these indexes.
///
/// # Safety
/// There must be such entries, and if they are bytes, three more behind them. No index may be above `i32::MAX`.
#[inline(always)]
#[expect(
    unsafe_code,
    reason = "compilers do not choose the instructions for it by themselves"
)]
unsafe fn gather<T: Copy>(usable: Usable, table: *const T, indexes: &[u32; AT_ONCE]) -> [T; AT_ONCE] {
    #[cfg(target_arch = "x86_64")]
    use std::{arch::x86_64::*, mem::transmute, mem::transmute_copy};
    // SAFETY: the processor has the instructions, the caller sees to the indexes, and what is taken for something else
    // has its size: sixteen numbers.
    unsafe {
        match (usable.instructions(), size_of::<T>()) {
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, 1) => {
                let indexes: __m512i = transmute(*indexes);
                let found = _mm512_i32gather_epi32::<1>(indexes, table.cast());
                transmute_copy(&_mm512_cvtepi32_epi8(found))
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, 4) => {
                let indexes: __m512i = transmute(*indexes);
                let found = _mm512_i32gather_epi32::<4>(indexes, table.cast());
                transmute_copy(&found)
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx512, 8) => {
                let halves: [__m256i; 2] = transmute(*indexes);
                let found = halves.map(|indexes| _mm512_i32gather_epi64::<8>(indexes, table.cast()));
                transmute_copy(&found)
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, 1) => {
                let halves: [__m256i; 2] = transmute(*indexes);
                let found = halves.map(|indexes| _mm256_i32gather_epi32::<1>(table.cast(), indexes));
                let found: [u32; AT_ONCE] = transmute(found);
                transmute_copy(&found.map(|bytes| bytes as u8))
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, 4) => {
                let halves: [__m256i; 2] = transmute(*indexes);
                let found = halves.map(|indexes| _mm256_i32gather_epi32::<4>(table.cast(), indexes));
                transmute_copy(&found)
            }
            #[cfg(target_arch = "x86_64")]
            (Instructions::Avx2, 8) => {
                let quarters: [__m128i; 4] = transmute(*indexes);
                let found = quarters.map(|indexes| _mm256_i32gather_epi64::<8>(table.cast(), indexes));
                transmute_copy(&found)
            }
            _ => indexes.map(|index| *table.add(index as usize)),
        }
    }
}
