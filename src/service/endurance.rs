//! How long a worker that fails is built again.

use crate::config::Guarantee;
use crate::stream::{Failure, Worker};
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Failures in a row after which a worker is given up.
const ATTEMPTS: u32 = 8;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// A worker that ran for so long was well, also where there was nothing to commit. Longer than a worker takes to give up.
const HEALTHY: Duration = Duration::from_secs(300);

/// Next offset by partition.
pub type Positions = Vec<(i32, i64)>;

/// Runs a worker, and builds it again with growing pauses as long as that can help.
pub fn keep_running(worker: &Worker) -> Result<Positions, Failure> {
    let mut endurance = Endurance::new(worker.factory.settings().startup_timeout);
    loop {
        let (commits, started) = (worker.vitals.commits(), Instant::now());
        let failure = match survive(|| worker.run()) {
            Ok(positions) => return Ok(positions),
            Err(failure) => failure,
        };
        if worker.shutdown.is_requested() {
            return left_undone(worker, failure);
        }
        if worker.vitals.commits() > commits || started.elapsed() >= HEALTHY {
            endurance.progressed();
        }
        let Some(pause) = endurance.pause_after(&failure, worker.vitals.connected_once(), Instant::now()) else {
            return Err(failure);
        };
        tracing::warn!(
            worker = worker.index,
            %failure,
            pause_seconds = pause.as_secs_f64(),
            "the worker failed and is built again; it reads on from the last checkpoint"
        );
        worker.metrics.restarted_worker();
        if worker.shutdown.wait(pause) {
            return left_undone(worker, failure);
        }
    }
}

/// How a stop ends for a worker that has failed.
fn left_undone(worker: &Worker, failure: Failure) -> Result<Positions, Failure> {
    match (worker.guarantee, &failure) {
        // Its transaction will never commit: what it held is as good as never read.
        (Guarantee::ExactlyOnce, Failure::Rebuild(_)) => {}
        (Guarantee::AtLeastOnce, _) if worker.vitals.uncommitted() == 0 => {}
        _ => return Err(failure),
    }
    tracing::warn!(worker = worker.index, %failure, "the worker had failed, and leaves nothing undone");
    Ok(Positions::new())
}

/// A panic is a failure like others: the worker owns all it worked on, and a new one has all of that anew.
fn survive<T>(run: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let why = panic_message(&*panic);
        Err(Failure::Rebuild(format!("the worker panicked: {why}")))
    })
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// What has been borne since the last progress.
struct Endurance {
    /// Those that count.
    failures: u32,
    /// Those that count and those that are only waited out.
    pauses: u32,
    denied_since: Option<Instant>,
    /// How long rights may be missing: they are granted one by one.
    grace: Duration,
}

impl Endurance {
    fn new(grace: Duration) -> Endurance {
        Endurance {
            failures: 0,
            pauses: 0,
            denied_since: None,
            grace,
        }
    }

    /// Offsets were committed, or nothing failed for a long time.
    fn progressed(&mut self) {
        self.failures = 0;
        self.pauses = 0;
        self.denied_since = None;
    }

    /// How long to wait before the next attempt; `None` where another would not help.
    fn pause_after(&mut self, failure: &Failure, connected_once: bool, now: Instant) -> Option<Duration> {
        match failure {
            Failure::Refused(_) | Failure::Model(_) => return None,
            // However long it takes.
            Failure::Unreachable(_) if connected_once => {}
            Failure::Denied(_) => {
                let since = *self.denied_since.get_or_insert(now);
                if now.saturating_duration_since(since) >= self.grace {
                    return None;
                }
            }
            _ if self.failures + 1 >= ATTEMPTS => return None,
            _ => self.failures += 1,
        }
        self.pauses += 1;
        Some(backoff(self.pauses))
    }
}

/// Doubles with each failure, and lies anywhere in the upper half, so that instances do not come back as one.
fn backoff(failures: u32) -> Duration {
    let full = SHORTEST_BACKOFF
        .saturating_mul(1 << failures.min(10))
        .min(LONGEST_BACKOFF);
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .subsec_nanos();
    full / 2 + (full / 2).mul_f64(f64::from(nanos % 1000) / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed() -> Failure {
        Failure::Rebuild("again".into())
    }

    #[test]
    fn a_panic_is_a_failure_that_says_why() {
        let failure = survive::<()>(|| panic!("row {}", 7)).unwrap_err();
        assert!(matches!(&failure, Failure::Rebuild(why) if why == "the worker panicked: row 7"));
        assert!(matches!(survive(|| Ok(3)), Ok(3)));
    }

    #[test]
    fn the_same_failure_again_and_again_ends_with_growing_pauses() {
        let mut endurance = Endurance::new(Duration::ZERO);
        let mut pauses = Vec::new();
        while let Some(pause) = endurance.pause_after(&failed(), true, Instant::now()) {
            pauses.push(pause);
        }
        assert_eq!(pauses.len(), ATTEMPTS as usize - 1);
        assert!(
            pauses[0] >= SHORTEST_BACKOFF && pauses[0] <= 2 * SHORTEST_BACKOFF,
            "{pauses:?}"
        );
        // The jitter stays within half of a pause, so that one that is four times as long is longer in any case.
        assert!(pauses.windows(3).all(|three| three[0] < three[2]), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST_BACKOFF));
    }

    #[test]
    fn a_commit_between_failures_sets_the_count_back() {
        let mut endurance = Endurance::new(Duration::ZERO);
        for _ in 0..3 * ATTEMPTS {
            assert!(endurance.pause_after(&failed(), true, Instant::now()).is_some());
            endurance.progressed();
        }
    }

    #[test]
    fn brokers_that_are_gone_are_waited_for_without_end_once_they_were_there() {
        let gone = Failure::Unreachable("gone".into());
        let mut endurance = Endurance::new(Duration::ZERO);
        assert!((0..1000).all(|_| endurance.pause_after(&gone, true, Instant::now()).is_some()));
        assert!(!(0..ATTEMPTS).all(|_| endurance.pause_after(&gone, false, Instant::now()).is_some()));
    }

    #[test]
    fn rights_may_be_missing_for_the_grace_and_no_longer() {
        let denied = Failure::Denied("no".into());
        let (mut endurance, start) = (Endurance::new(Duration::from_secs(10)), Instant::now());
        let after = |seconds| start + Duration::from_secs(seconds);
        assert!(endurance.pause_after(&denied, true, after(0)).is_some());
        assert!(endurance.pause_after(&denied, true, after(9)).is_some());
        assert!(endurance.pause_after(&denied, true, after(10)).is_none());
        endurance.progressed();
        assert!(endurance.pause_after(&denied, true, after(11)).is_some());
    }

    #[test]
    fn what_no_new_worker_would_do_better_ends_at_once() {
        for failure in [Failure::Refused("no".into()), Failure::Model("no".into())] {
            let mut endurance = Endurance::new(Duration::from_secs(10));
            assert!(endurance.pause_after(&failure, true, Instant::now()).is_none());
        }
    }
}
