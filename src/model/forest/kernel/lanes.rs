//! The leaf that each of many rows ends in, by the steps of a tree.

use super::columns::{ByteTest, TestKind};
use super::trees::Step;

/// Rows are taken in groups of so many, a byte each: two of the largest vectors.
pub(super) const LANES: usize = 128;

/// A byte for each row of a group.
pub(super) type Lanes = [u8; LANES];

/// What a processor reads or writes at once. Vectors that lie across two of them take twice as long.
const CACHE_LINE: usize = 64;

/// Memory for so many groups, see [`aligned`].
pub(super) fn buffer(groups: usize) -> Vec<u8> {
    vec![0; groups * LANES + CACHE_LINE]
}

/// The groups in a buffer, from its first cache line on.
pub(super) fn aligned(buffer: &mut [u8]) -> &mut [Lanes] {
    let start = buffer.as_ptr().align_offset(CACHE_LINE).min(CACHE_LINE);
    let end = buffer.len() - CACHE_LINE + start;
    buffer[start..end].as_chunks_mut().0
}

/// Takes the steps, and leaves the numbers of the leaves at the bottom of the stack. Columns, in `columns` and on the
/// stack, are of `groups` groups each.
#[inline(always)]
pub(super) fn take(steps: &[Step], columns: &[Lanes], groups: usize, stack: &mut [Lanes]) {
    if steps.is_empty() {
        // A tree that is only a leaf.
        stack[..groups].fill([0; LANES]);
    }
    let column = |test: ByteTest| &columns[usize::from(test.column) * groups..][..groups];
    // Where the next column is pushed.
    let mut free = 0;
    for step in steps {
        match *step {
            Step::Push { test, yes, no } => {
                push(test.kind, column(test), yes, no, &mut stack[free..free + groups]);
                free += groups;
            }
            Step::Replace { test, no } => replace(test.kind, column(test), no, &mut stack[free - groups..free]),
            Step::Merge { test } => {
                let (below, top) = stack[free - 2 * groups..free].split_at_mut(groups);
                merge(test.kind, column(test), top, below);
                free -= groups;
            }
        }
    }
}

#[inline(always)]
fn push(kind: TestKind, column: &[Lanes], yes: u8, no: u8, top: &mut [Lanes]) {
    match kind {
        TestKind::AtMost(limit) => each(column, top, |byte, _| if byte <= limit { yes } else { no }),
        TestKind::Above(limit) => each(column, top, |byte, _| if byte > limit { yes } else { no }),
        TestKind::Bits { mask, wanted } => each(column, top, |byte, _| if byte & mask == wanted { yes } else { no }),
    }
}

#[inline(always)]
fn replace(kind: TestKind, column: &[Lanes], no: u8, top: &mut [Lanes]) {
    match kind {
        TestKind::AtMost(limit) => each(column, top, |byte, top| if byte <= limit { top } else { no }),
        TestKind::Above(limit) => each(column, top, |byte, top| if byte > limit { top } else { no }),
        TestKind::Bits { mask, wanted } => each(column, top, |byte, top| if byte & mask == wanted { top } else { no }),
    }
}

#[inline(always)]
fn merge(kind: TestKind, column: &[Lanes], popped: &[Lanes], top: &mut [Lanes]) {
    match kind {
        TestKind::AtMost(limit) => each_two(
            column,
            popped,
            top,
            |byte, popped, top| {
                if byte <= limit { top } else { popped }
            },
        ),
        TestKind::Above(limit) => each_two(
            column,
            popped,
            top,
            |byte, popped, top| {
                if byte > limit { top } else { popped }
            },
        ),
        TestKind::Bits { mask, wanted } => {
            each_two(
                column,
                popped,
                top,
                |byte, popped, top| {
                    if byte & mask == wanted { top } else { popped }
                },
            )
        }
    }
}

#[inline(always)]
fn each(column: &[Lanes], top: &mut [Lanes], leaf: impl Fn(u8, u8) -> u8) {
    for (column, top) in column.iter().zip(top) {
        for (&byte, top) in column.iter().zip(top) {
            *top = leaf(byte, *top);
        }
    }
}

#[inline(always)]
fn each_two(column: &[Lanes], popped: &[Lanes], top: &mut [Lanes], leaf: impl Fn(u8, u8, u8) -> u8) {
    for ((column, popped), top) in column.iter().zip(popped).zip(top) {
        for ((&byte, &popped), top) in column.iter().zip(popped).zip(top) {
            *top = leaf(byte, popped, *top);
        }
    }
}
