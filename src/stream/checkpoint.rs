//! The one way an offset moves: everything produced is acknowledged, then the offsets are committed.

use super::consumer::Consumer;
use super::failure::{Failure, is_refusal};
use super::positions::Positions;
use super::producer::Producer;
use crate::metrics::Metrics;
use std::time::{Duration, Instant};

/// How long a commit may take where nothing else sets an end to it; well below the time after which a worker counts
/// as stuck.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between two attempts of a checkpoint that must not wait for the next.
const PAUSE: Duration = Duration::from_millis(200);

/// How a checkpoint ended that did not fail for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    /// Nothing was processed since the last checkpoint.
    NothingNew,
    /// A passing cause: the positions are kept for the next checkpoint.
    Postponed,
}

/// Makes checkpoints for one worker.
pub struct Checkpoint<'w> {
    pub consumer: &'w Consumer,
    pub producer: &'w Producer,
    pub topic: &'w str,
    pub metrics: &'w Metrics,
}

impl Checkpoint<'_> {
    /// Drains the producer and commits what was processed. Before partitions are given up `last` asks for as many
    /// attempts as there is time for.
    pub fn make(&self, positions: &mut Positions, last: bool, deadline: Option<Instant>) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let outcome = self.attempt(positions, last, deadline);
        match &outcome {
            Ok(Outcome::Committed) => self.metrics.checkpointed(started.elapsed()),
            Ok(Outcome::NothingNew) => {}
            _ => self.metrics.failed_checkpoint(),
        }
        outcome
    }

    fn attempt(&self, positions: &mut Positions, last: bool, deadline: Option<Instant>) -> Result<Outcome, Failure> {
        self.producer.drain(deadline)?;
        let offsets = positions
            .uncommitted(self.topic)
            .map_err(|error| Failure::of("cannot list the offsets to commit", &error))?;
        let Some(offsets) = offsets else {
            return Ok(Outcome::NothingNew);
        };
        let deadline = deadline.unwrap_or_else(|| Instant::now() + PATIENCE);
        loop {
            let error = match self.consumer.commit(&offsets, deadline) {
                Ok(()) => {
                    positions.committed();
                    return Ok(Outcome::Committed);
                }
                Err(error) => error,
            };
            if error.rdkafka_error_code().is_some_and(is_refusal) {
                return Err(Failure::of("cannot commit offsets", &error));
            }
            // A rebalance under way, a coordinator that moves or cannot be reached: leaving the group for one of
            // these would make every sibling rebalance, and when partitions are really gone a revocation says so.
            if !last || Instant::now() + PAUSE >= deadline {
                tracing::warn!(%error, "the checkpoint is postponed: the offsets could not be committed");
                return Ok(Outcome::Postponed);
            }
            self.producer.serve(PAUSE)?;
        }
    }
}
