//! The service as a whole: HTTP up, preflight, workers kept running, drained at the end.

use super::endurance::{Positions, keep_running};
use super::readiness::Readiness;
use super::reload::{Reload, Reloader};
use super::{connections, http};
use crate::config::Config;
use crate::lineup::Served;
use crate::memory::Budget;
use crate::metrics::{Metrics, Totals};
use crate::monitoring::Monitors;
use crate::shutdown::Shutdown;
use crate::stream::topics::{self, Topics};
use crate::stream::{ClientFactory, Failure, Vitals, Worker};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What the drain leaves for closing clients after the last checkpoint.
pub(super) const CLOSING: Duration = Duration::from_millis(1500);

/// A service that is ready to run.
pub struct Service {
    pub config: Config,
    pub instance: String,
    pub served: Arc<Served>,
    pub metrics: Metrics,
    pub shutdown: Shutdown,
    pub reload: Reload,
    /// Where quality and drift are watched.
    pub monitors: Option<Monitors>,
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
        let budget = Budget::find(&self.config.memory);
        let reloader = Reloader::new(
            self.config.model.clone(),
            self.served.clone(),
            self.metrics.clone(),
            budget.bytes,
        );
        tokio::spawn(reloader.clone().follow(self.reload.clone()));
        let router = http::router(http::Service {
            readiness: readiness.clone(),
            metrics: self.metrics.clone(),
            served: self.served.clone(),
            reloader,
            monitors: self.monitors.clone(),
            instance: self.instance.clone(),
        });
        let port = listener.local_addr().map(|address| address.port());
        tokio::spawn(connections::serve(listener, router, connections::LIMITS));

        // Two instances on one host differ in their port, and one that is started again has the same.
        let instance = match port {
            Ok(port) => format!("{}-{port}", self.instance),
            Err(_) => self.instance.clone(),
        };
        let factory = ClientFactory::new(self.config.kafka.clone(), instance);
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
        let factory = factory.within(&budget, self.config.workers.count, &topics);
        let (report, mut reports) = mpsc::unbounded_channel();
        for (index, vitals) in vitals.iter().enumerate() {
            let worker = Worker {
                index,
                factory: factory.clone(),
                topics: topics.clone(),
                served: self.served.clone(),
                format: self.config.output.format,
                guarantee: self.config.delivery.guarantee,
                checkpoint_interval: self.config.delivery.checkpoint_interval(),
                sample_every: self.config.log.sample_every,
                metrics: self.metrics.clone(),
                vitals: vitals.clone(),
                monitor: self.monitors.as_ref().and_then(|monitors| monitors.of_worker(index)),
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
        self.wait_for_workers(&vitals, &mut reports).await
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
                Ok(topics) => topics::settle(&topics::check(&factory, &topics)).map(|()| Some(topics)),
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
        vitals: &[Arc<Vitals>],
        reports: &mut mpsc::UnboundedReceiver<(usize, Result<Positions, Failure>)>,
    ) -> Ended {
        let mut open: BTreeSet<usize> = (0..vitals.len()).collect();
        let mut positions = Positions::new();
        let mut ended = None;
        while !open.is_empty() {
            let next = tokio::select! {
                next = reports.recv() => next,
                () = self.past_deadline() => None,
            };
            let Some((index, result)) = next else {
                // Clients that cannot say good-bye in time leave nothing undone.
                open.retain(|&index| !vitals[index].is_finished());
                let late: Vec<String> = open.iter().map(|&index| unfinished(index, &vitals[index])).collect();
                if !late.is_empty() {
                    ended.get_or_insert_with(|| Ended::DrainIncomplete(late.join("; ")));
                }
                break;
            };
            open.remove(&index);
            match result {
                Ok(more) => positions.extend(more),
                Err(failure) if ended.is_none() && !self.shutdown.is_requested() => {
                    tracing::error!(worker = index, %failure, "a worker is given up, the service stops");
                    self.shutdown.request(self.config.shutdown.grace);
                    ended = Some(match failure {
                        Failure::Refused(why) | Failure::Denied(why) => Ended::Refused(why),
                        other => Ended::WorkerFailed(other.to_string()),
                    });
                }
                Err(failure) => {
                    let why = format!("{}: {failure}", unfinished(index, &vitals[index]));
                    ended.get_or_insert(Ended::DrainIncomplete(why));
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
            not_committed = vitals.iter().map(|vitals| vitals.uncommitted()).sum::<u64>(),
            "stopped"
        );
        ended.unwrap_or(Ended::Drained(totals))
    }

    /// Resolves when the grace of a requested stop is over, or nobody wants to wait for that.
    async fn past_deadline(&self) {
        loop {
            match self.shutdown.deadline() {
                _ if self.shutdown.is_abandoned() => return,
                Some(deadline) if Instant::now() >= deadline + CLOSING => return,
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}

/// What a worker leaves undone.
fn unfinished(index: usize, vitals: &Vitals) -> String {
    let records = vitals.uncommitted();
    format!("worker {index} leaves {records} records whose offsets are not committed, they are scored again")
}
