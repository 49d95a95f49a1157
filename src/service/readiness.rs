//! What health answers, and why.

use crate::shutdown::Shutdown;
use crate::stream::Vitals;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// A worker that gave no sign of life for this long gets no traffic.
const SLOW: Duration = Duration::from_secs(30);
/// A worker that gave no sign of life for this long will give none any more: longer than every bounded wait.
const STUCK: Duration = Duration::from_secs(120);
/// Statistics come every two seconds and say whether a broker is connected.
const BROKER_SILENT: Duration = Duration::from_secs(10);

/// Answers the three health questions from the workers' signs of life.
#[derive(Debug, Clone)]
pub struct Readiness {
    workers: Vec<Arc<Vitals>>,
    running: Arc<AtomicBool>,
    shutdown: Shutdown,
}

impl Readiness {
    pub fn new(workers: Vec<Arc<Vitals>>, shutdown: Shutdown) -> Self {
        Readiness {
            workers,
            running: Arc::default(),
            shutdown,
        }
    }

    pub fn workers(&self) -> &[Arc<Vitals>] {
        &self.workers
    }

    /// The workers' threads are running.
    pub fn workers_started(&self) {
        self.running.store(true, Ordering::Relaxed);
    }

    /// Whether the process does what a process can do without a broker. Never depends on brokers.
    pub fn live(&self) -> Vec<String> {
        if !self.running.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.silent_for(STUCK)
    }

    /// Whether start-up is over: the model is proven and HTTP answers, or there would be no answer.
    pub fn startup(&self) -> Vec<String> {
        self.live()
    }

    /// Whether the service scores records as they come.
    pub fn ready(&self) -> Vec<String> {
        if self.shutdown.is_requested() {
            return vec!["the service is stopping".into()];
        }
        if !self.running.load(Ordering::Relaxed) {
            return vec!["no broker has answered yet, or the topics are not there".into()];
        }
        let mut failing = self.silent_for(SLOW);
        for (index, vitals) in self.workers.iter().enumerate() {
            match vitals.since_broker_answered() {
                Some(since) if since < BROKER_SILENT => {}
                Some(since) => failing.push(format!(
                    "worker {index}: no broker has answered for {} s",
                    since.as_secs()
                )),
                None => failing.push(format!("worker {index}: no broker can be reached")),
            }
            if vitals.misses_topic() {
                failing.push(format!("worker {index}: the input topic is not there"));
            }
            if !vitals.has_assignment() {
                failing.push(format!("worker {index}: the group has not assigned partitions yet"));
            }
        }
        failing
    }

    fn silent_for(&self, limit: Duration) -> Vec<String> {
        let silent = |(index, vitals): (usize, &Arc<Vitals>)| {
            let since = vitals.since_beat();
            (since >= limit).then(|| format!("worker {index}: no sign of life for {} s", since.as_secs()))
        };
        self.workers.iter().enumerate().filter_map(silent).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_needs_a_broker_and_an_assignment_which_may_be_empty() {
        let vitals = Arc::new(Vitals::default());
        let shutdown = Shutdown::default();
        let readiness = Readiness::new(vec![vitals.clone()], shutdown.clone());
        assert!(readiness.live().is_empty() && readiness.startup().is_empty());
        assert_eq!(readiness.ready().len(), 1);
        readiness.workers_started();
        assert_eq!(readiness.ready().len(), 2);
        vitals.broker_answered();
        assert_eq!(
            readiness.ready(),
            ["worker 0: the group has not assigned partitions yet"]
        );
        vitals.assigned([]);
        assert!(readiness.ready().is_empty());
        vitals.brokers_down();
        assert_eq!(readiness.ready(), ["worker 0: no broker can be reached"]);
        assert!(readiness.live().is_empty());
        shutdown.request(Duration::ZERO);
        assert_eq!(readiness.ready(), ["the service is stopping"]);
    }
}
