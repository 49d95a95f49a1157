//! How far each owned partition has been processed.

use rdkafka::error::KafkaError;
use rdkafka::{Offset, TopicPartitionList};
use std::collections::BTreeMap;

/// The next offset to be processed of each partition, and which of them the group does not know yet.
#[derive(Debug, Default)]
pub struct Positions {
    next: BTreeMap<i32, Position>,
}

#[derive(Debug, Clone, Copy)]
struct Position {
    offset: i64,
    committed: bool,
}

impl Positions {
    /// The record at `offset` has an outcome.
    pub fn processed(&mut self, partition: i32, offset: i64) {
        self.next.insert(
            partition,
            Position {
                offset: offset + 1,
                committed: false,
            },
        );
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

    /// What the next commit has to say, `None` where there is nothing new.
    pub fn uncommitted(&self, topic: &str) -> Result<Option<TopicPartitionList>, KafkaError> {
        let mut offsets = TopicPartitionList::new();
        for (&partition, position) in &self.next {
            if !position.committed {
                offsets.add_partition_offset(topic, partition, Offset::Offset(position.offset))?;
            }
        }
        Ok((offsets.count() > 0).then_some(offsets))
    }

    pub fn committed(&mut self) {
        for position in self.next.values_mut() {
            position.committed = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_says_the_next_offset_and_only_what_is_new() {
        let mut positions = Positions::default();
        positions.processed(3, 41);
        positions.processed(1, 7);
        positions.processed(3, 42);
        let offsets = positions.uncommitted("In").unwrap().unwrap();
        assert_eq!(offsets.count(), 2);
        assert_eq!(offsets.find_partition("In", 3).unwrap().offset(), Offset::Offset(43));
        positions.committed();
        assert!(positions.uncommitted("In").unwrap().is_none());
        positions.processed(1, 8);
        assert_eq!(positions.uncommitted("In").unwrap().unwrap().count(), 1);
        positions.forget([1]);
        assert!(positions.uncommitted("In").unwrap().is_none());
        assert_eq!(positions.iter().collect::<Vec<_>>(), [(3, 43)]);
    }
}
