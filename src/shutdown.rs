//! The wish to stop, and until when it is waited for. Passed in as a value; clones share it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Tells every part of the service to stop.
#[derive(Debug, Clone, Default)]
pub struct Shutdown(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    deadline: Mutex<Option<Instant>>,
    requested: Condvar,
    abandoned: AtomicBool,
}

impl Shutdown {
    /// Asks for the stop, to be finished within `grace`. The first request counts.
    pub fn request(&self, grace: Duration) {
        let mut deadline = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        deadline.get_or_insert_with(|| Instant::now() + grace);
        self.0.requested.notify_all();
    }

    pub fn is_requested(&self) -> bool {
        self.deadline().is_some()
    }

    /// Does not wait for what is not finished.
    pub fn abandon(&self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
    }

    pub fn is_abandoned(&self) -> bool {
        self.0.abandoned.load(Ordering::Relaxed)
    }

    /// When the stop has to be finished; `None` while none was asked for.
    pub fn deadline(&self) -> Option<Instant> {
        *self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for `time`, or less if the stop is asked for. Returns whether it is.
    pub fn wait(&self, time: Duration) -> bool {
        let deadline = self.0.deadline.lock().unwrap_or_else(PoisonError::into_inner);
        let (deadline, _) = self
            .0
            .requested
            .wait_timeout_while(deadline, time, |deadline| deadline.is_none())
            .unwrap_or_else(PoisonError::into_inner);
        deadline.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_request_ends_a_wait_and_sets_the_deadline() {
        let shutdown = Shutdown::default();
        assert!(!shutdown.wait(Duration::from_millis(1)));
        let waiting = std::thread::spawn({
            let shutdown = shutdown.clone();
            move || shutdown.wait(Duration::from_secs(60))
        });
        shutdown.request(Duration::from_secs(8));
        assert!(waiting.join().unwrap());
        let deadline = shutdown.deadline();
        shutdown.request(Duration::from_secs(80));
        assert_eq!(shutdown.deadline(), deadline);
    }
}
