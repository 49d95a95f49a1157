//! Records that come again although nobody asked for them.

use super::positions::Positions;
use std::collections::BTreeSet;

/// Partitions that were stopped by a change of partitions, and of which nothing new was read since.
///
/// Such a change stops all partitions, those that stay as well, and they go on from where librdkafka knows the reader to
/// be: it misses what it is handing over in that moment.
#[derive(Debug, Default)]
pub struct Stopped(BTreeSet<i32>);

impl Stopped {
    /// All partitions of which something was read have been stopped.
    pub fn stop(&mut self, positions: &Positions) {
        self.0.extend(positions.iter().map(|(partition, _)| partition));
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this record was read before its partition was stopped.
    pub fn repeats(&mut self, partition: i32, offset: i64, positions: &Positions) -> bool {
        let last_batch = positions.last_batch(partition).filter(|_| self.0.contains(&partition));
        let repeats = last_batch.is_some_and(|last_batch| last_batch.contains(&offset));
        if !repeats {
            self.0.remove(&partition);
        }
        repeats
    }
}

/// A partition that stands at `position` and goes on at `offset`, before it.
#[derive(Debug, PartialEq, Eq)]
pub struct Return {
    pub partition: i32,
    pub position: i64,
    pub offset: i64,
}

impl Return {
    /// The first among these records, each a partition and an offset.
    pub fn find(records: impl IntoIterator<Item = (i32, i64)>, positions: &Positions) -> Option<Return> {
        // Most come in long runs of one partition.
        let mut run: Option<(i32, Option<i64>)> = None;
        for (partition, offset) in records {
            let position = match run {
                Some((of, next)) if of == partition => next,
                _ => positions.get(partition),
            };
            if let Some(position) = position.filter(|&position| offset < position) {
                return Some(Return {
                    partition,
                    position,
                    offset,
                });
            }
            run = Some((partition, Some(offset + 1)));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(batches: &[&[(i32, i64)]]) -> Positions {
        let mut positions = Positions::default();
        for batch in batches {
            positions.processed(batch.iter().copied());
        }
        positions
    }

    #[test]
    fn what_comes_again_after_a_stop_is_known_until_something_new_comes() {
        let positions = read(&[&[(0, 3), (0, 4)], &[(0, 5), (1, 70), (0, 6)], &[(1, 71)]]);
        let mut stopped = Stopped::default();
        assert!(stopped.is_empty());
        assert!(!stopped.repeats(0, 6, &positions), "nothing was stopped");
        stopped.stop(&positions);
        // The last batch of a partition, all of it or its end, and no more.
        assert!(stopped.repeats(1, 71, &positions));
        assert!(stopped.repeats(0, 5, &positions));
        assert!(stopped.repeats(0, 6, &positions));
        assert!(!stopped.repeats(0, 7, &positions));
        assert!(!stopped.repeats(0, 6, &positions), "it goes on already");
        assert!(!stopped.is_empty());
        assert!(!stopped.repeats(1, 70, &positions), "of an earlier batch");
        assert!(stopped.is_empty());
        stopped.stop(&positions);
        assert!(!stopped.repeats(2, 0, &positions), "never read");
    }

    #[test]
    fn what_is_read_again_after_a_rewind_is_no_repeat() {
        let mut positions = read(&[&[(0, 3), (0, 4)]]);
        positions.rewind("In").unwrap();
        let mut stopped = Stopped::default();
        stopped.stop(&positions);
        assert!(!stopped.repeats(0, 3, &positions));
        assert_eq!(Return::find([(0, 3), (0, 4)], &positions), None);
    }

    #[test]
    fn a_partition_that_goes_back_is_found() {
        let positions = read(&[&[(0, 3), (0, 4), (1, 9)]]);
        let found = |records: &[(i32, i64)]| Return::find(records.iter().copied(), &positions);
        let back = |partition, position, offset| {
            Some(Return {
                partition,
                position,
                offset,
            })
        };
        assert_eq!(found(&[(0, 5), (0, 8), (1, 10), (2, 0), (2, 1), (0, 9)]), None);
        assert_eq!(found(&[(0, 5), (1, 0)]), back(1, 10, 0));
        assert_eq!(found(&[(0, 4)]), back(0, 5, 4));
        assert_eq!(found(&[(2, 7), (2, 0)]), back(2, 8, 0));
    }
}
