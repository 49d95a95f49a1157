//! Which records of a topic are looked at.

use super::cursor::{Cursor, Record};
use super::failure::Failure;
use std::ops::Range;

/// The offsets of a topic between two of each partition, or some of them, spread evenly over all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    ranges: Vec<Range<i64>>,
    /// Offsets there are.
    total: u64,
    /// Offsets to look at, no more than there are.
    count: u64,
}

impl Excerpt {
    /// All offsets of these ranges, one for each partition.
    pub fn all(ranges: Vec<Range<i64>>) -> Excerpt {
        Excerpt::sample(ranges, u64::MAX)
    }

    /// So many of them, the same ones each time.
    pub fn sample(ranges: Vec<Range<i64>>, count: u64) -> Excerpt {
        let total = ranges.iter().map(length).sum();
        Excerpt {
            ranges,
            total,
            count: count.min(total),
        }
    }

    /// Hands the records at these offsets to `take`, partition by partition, each once. Where an offset has none, such
    /// as that of a transaction's mark, the next record stands for it.
    ///
    /// # Errors
    /// As [`Cursor::from`], or of `take`.
    pub fn read<E: From<Failure>>(
        &self,
        cursor: &mut Cursor,
        topic: &str,
        mut take: impl FnMut(i32, Record) -> Result<(), E>,
    ) -> Result<(), E> {
        for (partition, range) in self.ranges.iter().enumerate() {
            let mut from = range.start;
            while let Some(offset) = self.next(partition, from) {
                match cursor.from(topic, partition as i32, offset, || true)? {
                    Some(record) if record.offset < range.end => {
                        from = record.offset + 1;
                        take(partition as i32, record)?;
                    }
                    _ => break,
                }
            }
        }
        Ok(())
    }

    /// The first offset to look at in a partition that is no less than `from`.
    ///
    /// Of T offsets, counted through all partitions, those to look at are ⌊(2i + 1) T / 2N⌋ for i from 0 to N - 1.
    fn next(&self, partition: usize, from: i64) -> Option<i64> {
        let range = &self.ranges[partition];
        let before: u64 = self.ranges[..partition].iter().map(length).sum();
        let (before, count, total) = (i128::from(before), i128::from(self.count), i128::from(self.total));
        if count == 0 {
            return None;
        }
        let wanted = before + i128::from(from - range.start);
        // The least i whose offset is no less than the wanted one, rounded up.
        let least = (2 * count * wanted - total).max(0);
        let i = (least + 2 * total - 1) / (2 * total);
        if i >= count {
            return None;
        }
        let offset = range.start + i64::try_from((2 * i + 1) * total / (2 * count) - before).ok()?;
        (offset < range.end).then_some(offset)
    }
}

fn length(range: &Range<i64>) -> u64 {
    u64::try_from(range.end - range.start).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What is looked at when every offset has a record.
    fn offsets(excerpt: &Excerpt) -> Vec<(usize, i64)> {
        let mut found = Vec::new();
        for (partition, range) in excerpt.ranges.iter().enumerate() {
            let mut from = range.start;
            while let Some(offset) = excerpt.next(partition, from) {
                found.push((partition, offset));
                from = offset + 1;
            }
        }
        found
    }

    #[test]
    fn a_sample_lies_in_the_middle_of_equal_parts() {
        // Ten offsets in two parts of five.
        assert_eq!(offsets(&Excerpt::sample(vec![100..110, 0..0], 2)), [(0, 102), (0, 107)]);
        assert_eq!(offsets(&Excerpt::sample(vec![5..5, 0..1, 7..9], 1)), [(2, 7)]);
        assert_eq!(
            offsets(&Excerpt::all(vec![3..5, 0..0, 9..10])),
            [(0, 3), (0, 4), (2, 9)]
        );
        assert_eq!(offsets(&Excerpt::sample(vec![0..5, 0..5], 0)), []);
        assert_eq!(offsets(&Excerpt::all(vec![])), []);
    }

    proptest! {
        #[test]
        fn as_many_are_looked_at_as_were_asked_for_and_evenly(
            lengths in proptest::collection::vec((0i64..1_000_000, 0i64..200), 1..5),
            count in 0u64..300,
        ) {
            let ranges: Vec<_> = lengths.iter().map(|&(start, length)| start..start + length).collect();
            let total: i64 = lengths.iter().map(|(_, length)| length).sum();
            let found = offsets(&Excerpt::sample(ranges.clone(), count));
            prop_assert_eq!(found.len() as u64, count.min(total as u64));
            let mut before = 0;
            let mut through = Vec::new();
            for (partition, range) in ranges.iter().enumerate() {
                for &(_, offset) in found.iter().filter(|(found, _)| *found == partition) {
                    prop_assert!(range.contains(&offset));
                    through.push(before + offset - range.start);
                }
                before += range.end - range.start;
            }
            let steps: Vec<i64> = through.windows(2).map(|pair| pair[1] - pair[0]).collect();
            if let (Some(least), Some(most)) = (steps.iter().min(), steps.iter().max()) {
                prop_assert!(*least >= 1 && most - least <= 1, "{:?}", through);
            }
        }
    }
}
