//! The service as a whole: HTTP up, preflight, workers kept running, drained at the end.

use super::http;
use super::readiness::Readiness;
use crate::config::Config;
use crate::memory::Budget;
use crate::metrics::{Metrics, Totals};
use crate::model::Model;
use crate::shutdown::Shutdown;
use crate::stream::topics::{self, Topics};
use crate::stream::{ClientFactory, Failure, Vitals, Worker};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Failures in a row after which a worker is given up.
const ATTEMPTS: u32 = 8;
const SHORTEST_BACKOFF: Duration = Duration::from_millis(500);
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// What the drain leaves for closing clients after the last checkpoint.
const CLOSING: Duration = Duration::from_millis(1500);

/// A service that is ready to run.
pub struct Service {
    pub config: Config,
    pub instance: String,
    pub model: Arc<Model>,
    pub metrics: Metrics,
    pub shutdown: Shutdown,
    /// The topics where they are known; otherwise the brokers are asked and what cannot work is refused.
    pub topics: Option<Topics>,
}

/// How a service ended.
#[derive(Debug)]
pub enum Ended {
    /// Asked to stop, and everything that was read has its outcome committed.
    Drained(Totals),
    /// Asked to stop, and the last checkpoint was not made in time. What it held is scored again by others.
    DrainIncomplete(String),
    /// It cannot work: the brokers refuse, or topics are missing.
    Refused(String),
    /// A worker failed again and again, or the model failed.
    WorkerFailed(String),
}

impl Service {
    /// Runs until shutdown or until it cannot go on. `listener` is where HTTP answers.
    pub async fn run(self, listener: TcpListener) -> Ended {
        let vitals: Vec<Arc<Vitals>> = (0..self.config.workers.count).map(|_| Arc::default()).collect();
        let readiness = Readiness::new(vitals.clone(), self.shutdown.clone());
        let router = http::router(http::Service {
            readiness: readiness.clone(),
            metrics: self.metrics.clone(),
            model: self.model.clone(),
            instance: self.instance.clone(),
        });
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "HTTP has ended");
            }
        });

        let factory = ClientFactory::new(self.config.kafka.clone(), self.instance.clone());
        let described = tokio::select! {
            described = self.preflight(&factory) => described,
            // Nothing is in hand yet.
            () = self.past_deadline() => Ok(None),
        };
        let topics = match described {
            Ok(Some(topics)) => Arc::new(topics),
            Ok(None) => return Ended::Drained(self.metrics.totals()),
            Err(failure) => return Ended::Refused(failure.to_string()),
        };
        let factory = factory.within(&Budget::find(&self.config.memory), self.config.workers.count, &topics);
        let (report, mut reports) = mpsc::unbounded_channel();
        for (index, vitals) in vitals.into_iter().enumerate() {
            let worker = Worker {
                index,
                factory: factory.clone(),
                topics: topics.clone(),
                model: self.model.clone(),
                format: self.config.output.format,
                checkpoint_interval: self.config.delivery.checkpoint_interval,
                sample_every: self.config.log.sample_every,
                metrics: self.metrics.clone(),
                vitals,
                shutdown: self.shutdown.clone(),
            };
            let report = report.clone();
            let spawned = std::thread::Builder::new()
                .name(format!("worker-{index}"))
                .spawn(move || {
                    // The receiver is gone only when nobody waits any more.
                    let _ = report.send((index, keep_running(&worker)));
                });
            if let Err(error) = spawned {
                return Ended::WorkerFailed(format!("cannot start worker {index}: {error}"));
            }
        }
        drop(report);
        readiness.workers_started();
        self.wait_for_workers(&mut reports).await
    }

    /// Reads the topics' shape and refuses what cannot work. `None` where the stop was asked for meanwhile.
    async fn preflight(&self, factory: &ClientFactory) -> Result<Option<Topics>, Failure> {
        if let Some(topics) = &self.topics {
            return Ok(Some(topics.clone()));
        }
        let (factory, shutdown) = (factory.clone(), self.shutdown.clone());
        let described = tokio::task::spawn_blocking(move || {
            match topics::describe(&factory, factory.settings().startup_timeout, || {
                !shutdown.is_requested()
            }) {
                Ok(topics) => topics::settle(&topics::check(&topics)).map(|()| Some(topics)),
                Err(_) if shutdown.is_requested() => Ok(None),
                Err(failure) => Err(failure),
            }
        });
        described
            .await
            .unwrap_or_else(|error| Err(Failure::Rebuild(format!("the preflight failed: {error}"))))
    }

    async fn wait_for_workers(
        &self,
        reports: &mut mpsc::UnboundedReceiver<(usize, Result<Positions, Failure>)>,
    ) -> Ended {
        let mut open = self.config.workers.count;
        let mut positions = Positions::new();
        let mut refused = None;
        while open > 0 {
            let next = tokio::select! {
                next = reports.recv() => next,
                () = self.past_deadline() => {
                    let late = || Ended::DrainIncomplete(format!("{open} of {} workers had not finished in time", self.config.workers.count));
                    return refused.unwrap_or_else(late);
                }
            };
            let Some((index, result)) = next else { break };
            open -= 1;
            match result {
                Ok(more) => positions.extend(more),
                Err(failure) if refused.is_none() && !self.shutdown.is_requested() => {
                    tracing::error!(worker = index, %failure, "a worker is given up, the service stops");
                    self.shutdown.request(self.config.shutdown.grace);
                    refused = Some(match failure {
                        Failure::Refused(why) => Ended::Refused(why),
                        other => Ended::WorkerFailed(other.to_string()),
                    });
                }
                Err(failure) => {
                    refused.get_or_insert_with(|| Ended::DrainIncomplete(format!("worker {index}: {failure}")));
                }
            }
        }
        let totals = self.metrics.totals();
        positions.sort_unstable();
        tracing::info!(
            consumed = totals.consumed,
            predictions = totals.predictions,
            dead_letters = totals.dead_letters,
            tombstones = totals.tombstones,
            next_offsets = ?positions,
            "stopped"
        );
        refused.unwrap_or(Ended::Drained(totals))
    }

    /// Resolves when the grace of a requested stop is over.
    async fn past_deadline(&self) {
        loop {
            match self.shutdown.deadline() {
                Some(deadline) if Instant::now() >= deadline + CLOSING => return,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// Next offset by partition.
type Positions = Vec<(i32, i64)>;

/// Runs a worker, and builds it again with growing pauses as long as that can help.
fn keep_running(worker: &Worker) -> Result<Positions, Failure> {
    let mut failures = 0;
    loop {
        let commits = worker.vitals.commits();
        let result = catch_unwind(AssertUnwindSafe(|| worker.run())).unwrap_or_else(|panic| {
            Err(Failure::Rebuild(format!(
                "the worker panicked: {}",
                panic_message(&*panic)
            )))
        });
        let failure = match result {
            Ok(positions) => return Ok(positions),
            Err(failure) => failure,
        };
        if worker.shutdown.is_requested() {
            return Err(failure);
        }
        if worker.vitals.commits() > commits {
            failures = 0;
        }
        match failure {
            Failure::Refused(_) | Failure::Model(_) => return Err(failure),
            Failure::Unreachable(_) if worker.vitals.connected_once() => {}
            _ if failures + 1 >= ATTEMPTS => return Err(failure),
            _ => failures += 1,
        }
        let pause = backoff(failures);
        tracing::warn!(worker = worker.index, %failure, pause_seconds = pause.as_secs_f64(), "the worker failed and is built again; it reads on from the last checkpoint");
        worker.metrics.restarted_worker();
        if worker.shutdown.wait(pause) {
            return Err(Failure::Rebuild(
                "it had failed, and what it held was not committed".into(),
            ));
        }
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

fn panic_message(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
