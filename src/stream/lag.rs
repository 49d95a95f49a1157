//! Lag, from the end offsets in librdkafka's statistics and the worker's own positions.

use super::positions::Positions;
use serde::Deserialize;
use std::collections::HashMap;

/// The parts of librdkafka's statistics that are read.
#[derive(Debug, Default, Deserialize)]
pub struct Statistics {
    #[serde(default)]
    brokers: HashMap<String, Broker>,
    #[serde(default)]
    topics: HashMap<String, Topic>,
}

#[derive(Debug, Deserialize)]
struct Broker {
    state: String,
}

#[derive(Debug, Deserialize)]
struct Topic {
    partitions: HashMap<String, Partition>,
}

#[derive(Debug, Deserialize)]
struct Partition {
    partition: i32,
    /// End of what a read_committed consumer may read; equals `hi_offset` without transactions.
    ls_offset: i64,
    hi_offset: i64,
    committed_offset: i64,
    lo_offset: i64,
}

impl Statistics {
    pub fn parse(json: &[u8]) -> Result<Statistics, serde_json::Error> {
        serde_json::from_slice(json)
    }

    /// Whether there is a connection to any broker.
    pub fn a_broker_is_up(&self) -> bool {
        self.brokers.values().any(|broker| broker.state == "UP")
    }

    /// Records left in each of `owned`, where the end is known: the end less the worker's position, or less the
    /// group's commit, or the start of the log, where the worker has processed nothing yet.
    pub fn lags(&self, topic: &str, owned: impl IntoIterator<Item = i32>, positions: &Positions) -> Vec<(i32, i64)> {
        let Some(topic) = self.topics.get(topic) else {
            return Vec::new();
        };
        let known = |offset: i64| (offset >= 0).then_some(offset);
        let lag = |partition: i32| {
            let partition = topic.partitions.values().find(|p| p.partition == partition)?;
            let end = known(partition.ls_offset).or(known(partition.hi_offset))?;
            let position = positions
                .get(partition.partition)
                .or(known(partition.committed_offset))
                .or(known(partition.lo_offset))?;
            Some((partition.partition, (end - position).max(0)))
        };
        owned.into_iter().filter_map(lag).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JSON: &str = r#"{"name":"x","brokers":{"a:1/1":{"nodeid":1,"state":"UP"},"a/bootstrap":{"nodeid":-1,"state":"DOWN"}},
        "topics":{"In":{"topic":"In","partitions":{
            "0":{"partition":0,"ls_offset":90,"hi_offset":100,"committed_offset":10,"lo_offset":0},
            "1":{"partition":1,"ls_offset":50,"hi_offset":50,"committed_offset":-1001,"lo_offset":5},
            "2":{"partition":2,"ls_offset":-1001,"hi_offset":-1001,"committed_offset":-1001,"lo_offset":-1001}}}}}"#;

    #[test]
    fn lag_counts_from_the_best_known_position() {
        let statistics = Statistics::parse(JSON.as_bytes()).unwrap();
        assert!(statistics.a_broker_is_up());
        let mut positions = Positions::default();
        assert_eq!(statistics.lags("In", [0, 1, 2], &positions), [(0, 80), (1, 45)]);
        positions.processed([(0, 88)]);
        assert_eq!(statistics.lags("In", [0], &positions), [(0, 1)]);
        assert_eq!(statistics.lags("Other", [0], &positions), []);
        let down = Statistics::parse(JSON.replace("UP", "TRY_CONNECT").as_bytes()).unwrap();
        assert!(!down.a_broker_is_up());
    }
}
