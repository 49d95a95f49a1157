//! What the rest of the service may know of a worker while it runs.

use super::positions::Positions;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A worker's signs of life. The worker writes, health and status read.
#[derive(Debug)]
pub struct Vitals {
    started: Instant,
    /// Milliseconds since `started`.
    beat: AtomicU64,
    broker_answered: AtomicU64,
    checkpointed: AtomicU64,
    /// Checkpoints that moved offsets.
    commits: AtomicU64,
    /// Records that were processed since the last checkpoint.
    uncommitted: AtomicU64,
    /// Whether the group has given this worker an assignment, even an empty one.
    assigned: AtomicBool,
    connected_once: AtomicBool,
    topic_is_missing: AtomicBool,
    finished: AtomicBool,
    /// Next offset to be processed, by owned partition; -1 where nothing has been read yet.
    partitions: Mutex<BTreeMap<i32, i64>>,
}

impl Default for Vitals {
    fn default() -> Self {
        Vitals {
            started: Instant::now(),
            beat: AtomicU64::new(0),
            broker_answered: AtomicU64::new(NEVER),
            checkpointed: AtomicU64::new(0),
            commits: AtomicU64::new(0),
            uncommitted: AtomicU64::new(0),
            assigned: AtomicBool::new(false),
            connected_once: AtomicBool::new(false),
            topic_is_missing: AtomicBool::new(false),
            finished: AtomicBool::new(false),
            partitions: Mutex::default(),
        }
    }
}

const NEVER: u64 = u64::MAX;

impl Vitals {
    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }

    fn since(&self, stamp: &AtomicU64) -> Option<Duration> {
        match stamp.load(Ordering::Relaxed) {
            NEVER => None,
            then => Some(Duration::from_millis(self.now().saturating_sub(then))),
        }
    }

    /// The worker is not stuck: called in every turn of its loop and inside every bounded wait.
    pub fn beat(&self) {
        self.beat.store(self.now(), Ordering::Relaxed);
    }

    pub fn broker_answered(&self) {
        self.broker_answered.store(self.now(), Ordering::Relaxed);
        self.connected_once.store(true, Ordering::Relaxed);
    }

    pub fn brokers_down(&self) {
        self.broker_answered.store(NEVER, Ordering::Relaxed);
    }

    pub fn checkpointed(&self) {
        self.checkpointed.store(self.now(), Ordering::Relaxed);
    }

    pub fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }

    /// The group does not count this worker among its members any more.
    pub fn lost_membership(&self) {
        self.assigned.store(false, Ordering::Relaxed);
    }

    pub fn assigned(&self, partitions: impl IntoIterator<Item = i32>) {
        self.with_partitions(|owned| owned.extend(partitions.into_iter().map(|partition| (partition, -1))));
        self.assigned.store(true, Ordering::Relaxed);
    }

    pub fn topic_is_missing(&self, missing: bool) {
        self.topic_is_missing.store(missing, Ordering::Relaxed);
    }

    pub fn revoked(&self, partitions: impl IntoIterator<Item = i32>) {
        self.with_partitions(|owned| {
            for partition in partitions {
                owned.remove(&partition);
            }
        });
    }

    pub fn processed(&self, positions: &Positions) {
        self.with_partitions(|owned| owned.extend(positions.iter()));
        self.uncommitted
            .store(positions.uncommitted_records(), Ordering::Relaxed);
    }

    /// Forgets what belonged to a worker that is gone.
    pub fn restarted(&self) {
        self.with_partitions(|owned| owned.clear());
        self.lost_membership();
        self.topic_is_missing(false);
        self.uncommitted.store(0, Ordering::Relaxed);
        self.beat();
    }

    /// So many records more are on their way to an outcome.
    pub fn took(&self, records: usize) {
        self.uncommitted.fetch_add(records as u64, Ordering::Relaxed);
    }

    /// The last checkpoint is made: all that is left is to close.
    pub fn finished(&self) {
        self.finished.store(true, Ordering::Relaxed);
    }

    pub fn is_finished(&self) -> bool {
        self.finished.load(Ordering::Relaxed)
    }

    pub fn partitions(&self) -> BTreeMap<i32, i64> {
        self.with_partitions(|owned| owned.clone())
    }

    pub fn since_beat(&self) -> Duration {
        self.since(&self.beat).unwrap_or_default()
    }

    /// `None` while no broker answers.
    pub fn since_broker_answered(&self) -> Option<Duration> {
        self.since(&self.broker_answered)
    }

    pub fn since_checkpoint(&self) -> Duration {
        self.since(&self.checkpointed).unwrap_or_default()
    }

    pub fn uncommitted(&self) -> u64 {
        self.uncommitted.load(Ordering::Relaxed)
    }

    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    pub fn has_assignment(&self) -> bool {
        self.assigned.load(Ordering::Relaxed)
    }

    pub fn misses_topic(&self) -> bool {
        self.topic_is_missing.load(Ordering::Relaxed)
    }

    pub fn connected_once(&self) -> bool {
        self.connected_once.load(Ordering::Relaxed)
    }

    fn with_partitions<T>(&self, access: impl FnOnce(&mut BTreeMap<i32, i64>) -> T) -> T {
        // Each access leaves the map whole, so that a panic elsewhere in the worker does not matter here.
        access(&mut self.partitions.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }
}
