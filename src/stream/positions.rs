//! How far each owned partition has been processed.

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::ops::Range;

/// The next offset to be processed of each partition, and which of them the group does not know yet.
#[derive(Debug, Default)]
pub struct Positions {
    next: BTreeMap<i32, Position>,
    /// Counts batches.
    batch: u64,
}

#[derive(Debug, Clone, Copy)]
struct Position {
    offset: i64,
    /// The first offset processed since the last checkpoint, `None` where nothing was.
    first: Option<i64>,
    /// The last batch with records of this partition, and the first of them.
    batch: u64,
    batch_first: i64,
}

impl Positions {
    /// The records of a batch, each a partition and an offset, have their outcomes. Those of a partition are in order.
    pub fn processed(&mut self, batch: impl IntoIterator<Item = (i32, i64)>) {
        self.batch += 1;
        let mut records = batch.into_iter().peekable();
        while let Some((partition, first)) = records.next() {
            // Most come in long runs of one partition.
            let mut last = first;
            while let Some((_, offset)) = records.next_if(|&(next, _)| next == partition) {
                last = offset;
            }
            self.processed_run(partition, first, last);
        }
    }

    fn processed_run(&mut self, partition: i32, first: i64, last: i64) {
        let batch = self.batch;
        let position = self.next.entry(partition).or_insert(Position {
            offset: first,
            first: None,
            batch,
            batch_first: first,
        });
        if position.batch != batch {
            (position.batch, position.batch_first) = (batch, first);
        }
        position.first.get_or_insert(first);
        position.offset = last + 1;
    }

    /// From the first record of the partition in the last batch that had any, to its position.
    pub fn last_batch(&self, partition: i32) -> Option<Range<i64>> {
        let position = self.next.get(&partition)?;
        Some(position.batch_first..position.offset)
    }

    pub fn forget(&mut self, partitions: impl IntoIterator<Item = i32>) {
        for partition in partitions {
            self.next.remove(&partition);
        }
    }

    pub fn get(&self, partition: i32) -> Option<i64> {
        self.next.get(&partition).map(|position| position.offset)
    }

    pub fn iter(&self) -> impl Iterator<Item = (i32, i64)> {
        self.next
            .iter()
            .map(|(&partition, position)| (partition, position.offset))
    }

    /// Records processed since the last checkpoint; gaps in the log count as records.
    pub fn uncommitted_records(&self) -> u64 {
        let open = self
            .next
            .values()
            .filter_map(|position| Some(position.offset - position.first?));
        open.sum::<i64>().unsigned_abs()
    }

    /// What the next commit has to say, `None` where there is nothing new.
    pub fn uncommitted(&self, topic: &str) -> Result<Option<TopicPartitionList>, KafkaError> {
        let mut offsets = TopicPartitionList::new();
        for (&partition, position) in &self.next {
            if position.first.is_some() {
                offsets.add_partition_offset(topic, partition, Offset::Offset(position.offset))?;
            }
        }
        Ok((offsets.count() > 0).then_some(offsets))
    }

    pub fn committed(&mut self) {
        for position in self.next.values_mut() {
            position.first = None;
        }
    }

    /// Takes back what was processed since the last checkpoint. Returns where to read again, `None` where nothing was.
    pub fn rewind(&mut self, topic: &str) -> Result<Option<TopicPartitionList>, KafkaError> {
        let mut offsets = TopicPartitionList::new();
        for (&partition, position) in &mut self.next {
            if let Some(first) = position.first.take() {
                position.offset = first;
                offsets.add_partition_offset(topic, partition, Offset::Offset(first))?;
            }
        }
        Ok((offsets.count() > 0).then_some(offsets))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_the_next_offset_and_only_what_is_new() {
        let mut positions = Positions::default();
        positions.processed([(3, 41)]);
        positions.processed([(1, 7)]);
        positions.processed([(3, 42)]);
        assert_eq!(positions.uncommitted_records(), 3);
        let offsets = positions.uncommitted("In").unwrap().unwrap();
        assert_eq!(offsets.count(), 2);
        assert_eq!(offsets.find_partition("In", 3).unwrap().offset(), Offset::Offset(43));
        positions.committed();
        assert!(positions.uncommitted("In").unwrap().is_none());
        assert_eq!(positions.uncommitted_records(), 0);
        positions.processed([(1, 8)]);
        assert_eq!(positions.uncommitted("In").unwrap().unwrap().count(), 1);
        positions.forget([1]);
        assert!(positions.uncommitted("In").unwrap().is_none());
        assert_eq!(positions.iter().collect::<Vec<_>>(), [(3, 43)]);
    }

    #[test]
    fn a_rewind_goes_back_to_the_first_offset_since_the_last_commit() {
        let mut positions = Positions::default();
        positions.processed([(0, 5)]);
        positions.processed([(2, 70)]);
        positions.committed();
        // Offsets can have gaps: the first that was read is where to go.
        positions.processed([(0, 9)]);
        positions.processed([(0, 10)]);
        let offsets = positions.rewind("In").unwrap().unwrap();
        assert_eq!(offsets.count(), 1);
        assert_eq!(offsets.find_partition("In", 0).unwrap().offset(), Offset::Offset(9));
        assert_eq!(positions.iter().collect::<Vec<_>>(), [(0, 9), (2, 71)]);
        assert!(positions.rewind("In").unwrap().is_none());
        assert!(positions.uncommitted("In").unwrap().is_none());
    }

    #[test]
    fn the_last_batch_of_a_partition_is_the_last_that_had_records_of_it() {
        let mut positions = Positions::default();
        positions.processed([(0, 5), (0, 6), (1, 40), (0, 9)]);
        assert_eq!(positions.last_batch(0), Some(5..10));
        assert_eq!(positions.last_batch(1), Some(40..41));
        assert_eq!(positions.last_batch(2), None);
        positions.processed([(1, 41), (1, 43)]);
        assert_eq!(positions.last_batch(0), Some(5..10));
        assert_eq!(positions.last_batch(1), Some(41..44));
        assert_eq!(positions.iter().collect::<Vec<_>>(), [(0, 10), (1, 44)]);
        // What is read again after a rewind has not come before.
        positions.rewind("In").unwrap();
        assert!(positions.last_batch(1).unwrap().is_empty());
    }
}
