//! The three brokers: which of them coordinates what, how they are killed, and when they are well again.

use crate::support::kafka::{Kafka, Names, SCRIPT};
use crate::support::signal;
use rdkafka::consumer::Consumer as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// Until brokers that came back have caught up on every partition.
const RECOVERY: Duration = Duration::from_secs(120);
/// For one answer of a broker.
const ANSWER: Duration = Duration::from_secs(3);
/// The partitions of Kafka's own two topics, as the script sets them.
const COORDINATOR_PARTITIONS: i32 = 10;

pub struct Cluster {
    pub kafka: Kafka,
}

impl Cluster {
    pub fn start() -> Cluster {
        Cluster {
            kafka: Kafka::start(&["--brokers", "3"]),
        }
    }

    pub fn all(&self) -> [usize; 3] {
        [1, 2, 3]
    }

    /// SIGKILL to these brokers.
    pub fn kill(&self, brokers: &[usize]) -> Result<(), String> {
        let status = self.script("status")?;
        for broker in brokers {
            let start = format!("broker {broker}: running, process ");
            let process = status
                .lines()
                .find_map(|line| line.strip_prefix(&*start)?.split(',').next());
            let process = process.and_then(|process| process.parse().ok());
            let process = process.ok_or_else(|| format!("broker {broker} is not running:\n{status}"))?;
            signal::send("KILL", process)?;
        }
        Ok(())
    }

    /// Starts the brokers that are down, and waits until no partition misses a replica.
    pub fn restore(&self) -> Result<(), String> {
        self.script("start")?;
        let deadline = Instant::now() + RECOVERY;
        loop {
            let ailing = match self.ailing() {
                Ok(0) => return Ok(()),
                Ok(ailing) => format!("{ailing} partitions are out of sync"),
                Err(error) => error,
            };
            if Instant::now() >= deadline {
                return Err(format!(
                    "the cluster did not recover within {} s: {ailing}",
                    RECOVERY.as_secs()
                ));
            }
            crate::pause(Duration::from_millis(500));
        }
    }

    /// The broker that coordinates the group.
    pub fn group_coordinator(&self, group: &str) -> Option<usize> {
        self.leader("__consumer_offsets", coordinator_partition(group))
    }

    /// The broker that coordinates the transactions of this id.
    pub fn transaction_coordinator(&self, transactional_id: &str) -> Option<usize> {
        self.leader("__transaction_state", coordinator_partition(transactional_id))
    }

    pub fn create_topics(&self, names: &Names) {
        self.kafka.create_topics(names);
    }

    pub fn delete_topics(&self, names: &Names) {
        for name in [&names.input, &names.output, &names.dead_letter] {
            self.kafka.delete_topic(name);
        }
    }

    /// Copies the brokers' logs; each begins at the broker's last start.
    pub fn keep_logs(&self, dir: &Path) {
        for broker in self.all() {
            let log = self.kafka.dir.join(format!("broker-{broker}/log"));
            let _ = fs::copy(log, dir.join(format!("broker-{broker}.log")));
        }
    }

    fn leader(&self, topic: &str, partition: i32) -> Option<usize> {
        let metadata = self.kafka.consumer("chaos").fetch_metadata(Some(topic), ANSWER).ok()?;
        let partitions = metadata.topics().first()?.partitions();
        let leader = partitions.iter().find(|found| found.id() == partition)?.leader();
        usize::try_from(leader)
            .ok()
            .filter(|leader| self.all().contains(leader))
    }

    /// Partitions that miss a leader or a replica.
    fn ailing(&self) -> Result<usize, String> {
        let metadata = self.kafka.consumer("chaos").fetch_metadata(None, ANSWER);
        let metadata = metadata.map_err(|error| error.to_string())?;
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        let ailing = |partition: &&rdkafka::metadata::MetadataPartition| {
            partition.leader() < 0 || partition.isr().len() < partition.replicas().len()
        };
        Ok(partitions.filter(ailing).count())
    }

    fn script(&self, command: &str) -> Result<String, String> {
        let output = Command::new(SCRIPT)
            .arg(command)
            .arg("--dir")
            .arg(&self.kafka.dir)
            .output();
        let output = output.map_err(|error| format!("scripts/kafka {command}: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() && command != "status" {
            let error = String::from_utf8_lossy(&output.stderr);
            return Err(format!("scripts/kafka {command} failed:\n{said}{error}"));
        }
        Ok(said)
    }
}

/// Where Kafka keeps what belongs to a group or a transactional id: by Java's hash of the text, UTF-16 and all.
fn coordinator_partition(name: &str) -> i32 {
    let hash = name
        .encode_utf16()
        .fold(0i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)));
    hash.checked_abs().unwrap_or(0) % COORDINATOR_PARTITIONS
}
