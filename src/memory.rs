//! The memory contract: how much the process may use, and the queues that keep it there.
//!
//! librdkafka's queues are what grows with the load; all else has a size that was measured once. So the budget, less
//! the fixed parts, is shared out among the queues of the workers.

mod cgroup;

use crate::config;
use std::fmt;
use std::path::{Path, PathBuf};

pub const KIB: u64 = 1024;
pub const MIB: u64 = 1024 * KIB;

/// The budget where neither a setting nor a cgroup limits the memory.
const DEFAULT: u64 = 512 * MIB;

// Measured as resident memory (/proc/PID/status) of builds without optimisation, whose program is the largest, on one
// broker with ten partitions: what is left at full load with queues of a few hundred kilobytes, for 1 to 8 workers.

/// The program with its model, tract, HTTP and the runtime: 47 MiB, of which 41 are the program itself.
const PROCESS: u64 = 56 * MIB;
/// A worker beside its queues: buffers of a batch, two clients with a thread for each broker, and what glibc keeps for
/// them. 3 MiB on one broker; a connection under TLS takes some 100 KiB more.
const WORKER: u64 = 6 * MIB;
/// What librdkafka keeps for a prefetched record beside its payload, which is all that its limits count: 304 bytes and
/// the allocator's share.
const CONSUMED_RECORD: u64 = 320;
/// The same for a record that was produced: 176 bytes, the key, and the headers, of which a dead letter has five.
const PRODUCED_RECORD: u64 = 1024;
/// How many times its size a fetch takes when it has come: rows of 100 bytes that are compressed to a quarter, each
/// with [`CONSUMED_RECORD`] beside it, or to a sixth with half of that. A fetch is not taken apart by the limits, it is
/// in the queue as a whole.
const FETCH_EXPANSION: u64 = 24;
/// Copies of one large record on its way: fetched, decompressed, produced, and compressed in each of the requests that
/// may be under way, of which an idempotent producer has five.
const RECORD_COPIES: u64 = 8;

/// With less than this for its queues a worker would spend its time waiting for them.
const SMALLEST_SHARE: u64 = 16 * MIB;

/// How much memory the process may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub bytes: u64,
    origin: Origin,
}

/// Where the budget comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Origin {
    Setting,
    Cgroup(PathBuf),
    Default,
}

impl Budget {
    /// The setting `memory.limit`, else the limit of the process's cgroup, else a default.
    pub fn find(settings: &config::Memory) -> Budget {
        Budget::of(settings.limit, cgroup::limit(Path::new("/")))
    }

    fn of(setting: Option<u64>, cgroup: Option<(u64, PathBuf)>) -> Budget {
        let (bytes, origin) = match (setting, cgroup) {
            (Some(bytes), _) => (bytes, Origin::Setting),
            (None, Some((bytes, file))) => (bytes, Origin::Cgroup(file)),
            (None, None) => (DEFAULT, Origin::Default),
        };
        Budget { bytes, origin }
    }

    /// Whether this many workers can be given queues that are worth having.
    pub fn check(&self, workers: usize) -> Result<(), TooSmall> {
        let needed = PROCESS + workers as u64 * (WORKER + SMALLEST_SHARE);
        if self.bytes >= needed {
            return Ok(());
        }
        Err(TooSmall {
            budget: self.clone(),
            workers,
            needed,
        })
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mebibytes = self.bytes as f64 / MIB as f64;
        match &self.origin {
            Origin::Setting => write!(f, "{mebibytes} MiB (the setting memory.limit)"),
            Origin::Cgroup(file) => write!(f, "{mebibytes} MiB (the cgroup's limit, {})", file.display()),
            Origin::Default => write!(f, "{mebibytes} MiB (the default: no cgroup limits the memory)"),
        }
    }
}

/// A budget that is too small for the number of workers.
#[derive(Debug, thiserror::Error)]
#[error(
    "the memory budget is {budget}, too small for workers.count={workers}: it takes {} MiB; raise the limit or lower \
     workers.count",
    needed.div_ceil(MIB)
)]
pub struct TooSmall {
    budget: Budget,
    workers: usize,
    needed: u64,
}

/// The sizes of a worker's queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queues {
    /// Prefetched records below which more are fetched.
    pub consumer_records: u64,
    /// Bytes of their values, above which no more are fetched.
    pub consumer_bytes: u64,
    /// Bytes that a broker may answer a fetch with, unless one batch is larger.
    pub fetch_bytes: u64,
    /// Records that may be produced and not yet acknowledged. A partition of an idempotent producer has one request
    /// under way; as long as it has records besides that are older than linger.ms, librdkafka's thread for the broker
    /// turns without a pause (as of 2.12). So the fewer are waiting, the less of the processor that takes.
    pub producer_records: u64,
    /// Bytes of their values.
    pub producer_bytes: u64,
    /// The largest record for which the budget holds, in bytes: those that are larger come on top.
    pub largest_record: u64,
}

impl Queues {
    /// More than this brings no more speed, however much memory there is.
    pub const LARGEST: Queues = Queues {
        consumer_records: 20_000,
        consumer_bytes: 8 * MIB,
        fetch_bytes: MIB,
        producer_records: 4_000,
        producer_bytes: 32 * MIB,
        largest_record: u64::MAX,
    };

    /// Shares the budget out among the workers, each of which fetches from up to `brokers` brokers at once. Below what
    /// [`Budget::check`] asks for, the queues get what they would get there.
    pub fn within(bytes: u64, workers: usize, brokers: usize) -> Queues {
        let (workers, brokers) = (workers.max(1) as u64, brokers.max(1) as u64);
        let share = (bytes.saturating_sub(PROCESS) / workers).saturating_sub(WORKER);
        let share = share.max(SMALLEST_SHARE);
        let largest = Queues::LARGEST;
        // A quarter for what is prefetched, a quarter for the fetches under way, half for what is produced. Of the
        // first, half is for payload, which small rows do not use up; of the last, three in eight are for the records'
        // own needs.
        let queues = Queues {
            consumer_records: (share / 8 / CONSUMED_RECORD).min(largest.consumer_records),
            consumer_bytes: (share / 8).min(largest.consumer_bytes),
            fetch_bytes: (share / 4 / FETCH_EXPANSION / brokers).min(largest.fetch_bytes),
            producer_records: (share * 3 / 16 / PRODUCED_RECORD).min(largest.producer_records),
            producer_bytes: (share * 5 / 16).min(largest.producer_bytes),
            largest_record: 0,
        };
        // What the queues leave goes to large records; one that is no larger than a fetch has its place already.
        let spare = share - queues.bytes(brokers);
        let largest_record = queues.fetch_bytes.max(spare / RECORD_COPIES / brokers);
        Queues {
            largest_record,
            ..queues
        }
    }

    /// What the queues of one worker take when all are full.
    fn bytes(&self, brokers: u64) -> u64 {
        self.consumer_records * CONSUMED_RECORD
            + self.consumer_bytes
            + self.fetch_bytes * FETCH_EXPANSION * brokers
            + self.producer_records * PRODUCED_RECORD
            + self.producer_bytes
    }
}

/// Keeps glibc to two arenas. With one for each thread it keeps more of what was freed: 272 MiB against 238 were
/// resident with four workers at full load, at the same speed.
#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "glibc is told by a C function, or by the environment before the process starts"
)]
pub fn keep_few_arenas() {
    // SAFETY: the call sets a number under the allocator's own lock.
    let taken = unsafe { libc::mallopt(libc::M_ARENA_MAX, 2) };
    if taken == 0 {
        tracing::debug!("the allocator does not take M_ARENA_MAX");
    }
}

#[cfg(not(target_env = "gnu"))]
pub fn keep_few_arenas() {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_setting_wins_over_the_cgroup_and_that_over_the_default() {
        let cgroup = || Some((300 * MIB, PathBuf::from("/sys/fs/cgroup/memory.max")));
        assert_eq!(
            Budget::of(Some(MIB), cgroup()).to_string(),
            "1 MiB (the setting memory.limit)"
        );
        assert_eq!(
            Budget::of(None, cgroup()).to_string(),
            "300 MiB (the cgroup's limit, /sys/fs/cgroup/memory.max)"
        );
        assert_eq!(Budget::of(None, None).bytes, DEFAULT);
    }

    #[test]
    fn a_budget_that_is_too_small_is_refused_with_what_would_do() {
        let budget = |mebibytes| Budget::of(Some(mebibytes * MIB), None);
        let message = budget(99).check(2).unwrap_err().to_string();
        assert!(message.contains("99 MiB (the setting memory.limit)"), "{message}");
        assert!(message.contains("it takes 100 MiB"), "{message}");
        assert!(budget(100).check(2).is_ok());
        assert!(budget(100).check(3).is_err());
    }

    #[test]
    fn one_worker_on_three_brokers_has_all_it_can_use_within_256_mib() {
        let queues = Queues::within(256 * MIB, 1, 3);
        assert_eq!(
            Queues {
                fetch_bytes: MIB,
                largest_record: u64::MAX,
                ..queues
            },
            Queues::LARGEST
        );
        assert!(queues.fetch_bytes > MIB / 2, "{queues:?}");
        assert!(
            queues.largest_record > MIB,
            "Kafka's default limit of a record: {queues:?}"
        );
    }

    fn fields(queues: Queues) -> [u64; 6] {
        let Queues {
            consumer_records,
            consumer_bytes,
            fetch_bytes,
            producer_records,
            producer_bytes,
            largest_record,
        } = queues;
        [
            consumer_records,
            consumer_bytes,
            fetch_bytes,
            producer_records,
            producer_bytes,
            largest_record,
        ]
    }

    proptest! {
        #[test]
        fn all_parts_together_stay_within_the_budget(
            bytes in 0..(1u64 << 40),
            workers in 1..=64usize,
            brokers in 1..1000usize,
        ) {
            let budget = Budget::of(Some(bytes), None);
            let queues = Queues::within(bytes, workers, brokers);
            let of_a_worker = WORKER + queues.bytes(brokers as u64);
            if budget.check(workers).is_ok() {
                prop_assert!(PROCESS + workers as u64 * of_a_worker <= bytes);
            }
            prop_assert!(fields(queues).iter().all(|&size| size > 0), "{queues:?}");
        }

        #[test]
        fn more_memory_never_makes_a_queue_smaller_and_more_workers_or_brokers_never_larger(
            bytes in 0..(1u64 << 34),
            more in 0..(1u64 << 34),
            workers in 1..=64usize,
            brokers in 1..100usize,
        ) {
            let sizes = |bytes, workers, brokers| fields(Queues::within(bytes, workers, brokers));
            let queues = sizes(bytes, workers, brokers);
            let no_smaller = |more: [u64; 6], less: [u64; 6]| more.iter().zip(less).all(|(more, less)| *more >= less);
            // What is left for large records depends on where the others' limits are; it only has to be there.
            let without_last = |mut sizes: [u64; 6]| { sizes[5] = 0; sizes };
            let compare = |more, less| no_smaller(without_last(more), without_last(less));
            prop_assert!(compare(sizes(bytes + more, workers, brokers), queues));
            prop_assert!(compare(queues, sizes(bytes, workers + 1, brokers)));
            prop_assert!(compare(queues, sizes(bytes, workers, brokers + 1)));
        }
    }
}
