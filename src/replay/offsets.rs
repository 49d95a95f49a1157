//! Questions about offsets, by a client that reads nothing.

use super::Quiet;
use crate::stream::{ClientFactory, Failure, watermarks};
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::{Offset, TopicPartitionList};
use std::ops::Range;
use std::time::Duration;

pub struct Offsets {
    client: BaseConsumer<Quiet>,
    input: String,
    partitions: i32,
}

impl Offsets {
    /// For the service's group on its input topic, which has so many partitions.
    pub fn new(factory: &ClientFactory, partitions: i32) -> Result<Offsets, Failure> {
        let kafka = factory.settings();
        let client = factory
            .reader()
            .set("group.id", &kafka.group_id)
            .create_with_context(Quiet);
        Ok(Offsets {
            client: client.map_err(|error| Failure::of("cannot make a client", &error))?,
            input: kafka.input_topic.clone(),
            partitions,
        })
    }

    /// The next offset of each partition.
    pub fn ends(&self, topic: &str, partitions: i32, patience: Duration) -> Result<Vec<i64>, Failure> {
        let watermarks = watermarks(&self.client, topic, partitions, patience)?;
        Ok(watermarks.into_iter().map(|Range { end, .. }| end).collect())
    }

    /// Records of the input topic that the service's group has not committed; `None` where the brokers do not tell.
    pub fn lag(&self, patience: Duration) -> Option<u64> {
        let committed = self.committed(patience)?;
        let watermarks = watermarks(&self.client, &self.input, self.partitions, patience).ok()?;
        let lag = committed
            .into_iter()
            .zip(watermarks)
            .map(|(committed, Range { start, end })| {
                // A group without a commit begins with the oldest record.
                u64::try_from(end - committed.unwrap_or(start)).unwrap_or(0)
            });
        Some(lag.sum())
    }

    /// Whether the service's group has committed everything before these offsets, one for each partition.
    pub fn committed_reach(&self, ends: &[Option<i64>], patience: Duration) -> bool {
        let reaches = |(committed, end): (&Option<i64>, &Option<i64>)| end.is_none_or(|end| *committed >= Some(end));
        let committed = self.committed(patience);
        committed.is_some_and(|committed| committed.iter().zip(ends).all(reaches))
    }

    /// The group's commit for each partition, where there is one.
    fn committed(&self, patience: Duration) -> Option<Vec<Option<i64>>> {
        let mut list = TopicPartitionList::new();
        list.add_partition_range(&self.input, 0, self.partitions - 1);
        let committed = self.client.committed_offsets(list, patience).ok()?;
        let offset = |partition| match committed.find_partition(&self.input, partition)?.offset() {
            Offset::Offset(offset) => Some(offset),
            _ => None,
        };
        Some((0..self.partitions).map(offset).collect())
    }
}
