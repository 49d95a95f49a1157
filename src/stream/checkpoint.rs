//! The one way an offset moves: everything produced is acknowledged, then the offsets are committed.

use super::consumer::Consumer;
use super::failure::{Failure, is_refusal};
use super::positions::Positions;
use super::producer::Producer;
use crate::metrics::Metrics;
use rdkafka::consumer::{CommitMode, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::{Duration, Instant};

/// How often a checkpoint that must not wait for the next is tried again.
const ATTEMPTS: u32 = 5;
const PAUSE: Duration = Duration::from_millis(200);

/// How a checkpoint ended that did not fail for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Committed,
    /// Nothing was processed since the last checkpoint.
    NothingNew,
    /// A passing cause: the positions are kept for the next checkpoint.
    Postponed,
    /// The group has gone on without this member: its partitions are not its own any more.
    Outdated,
}

/// Makes checkpoints for one worker.
pub struct Checkpoint<'w> {
    pub consumer: &'w Consumer,
    pub producer: &'w Producer,
    pub topic: &'w str,
    pub metrics: &'w Metrics,
}

impl Checkpoint<'_> {
    /// Drains the producer and commits what was processed. Before partitions are given up `last` asks for more
    /// than one attempt.
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
        let attempts = if last { ATTEMPTS } else { 1 };
        for attempt in 1..=attempts {
            let error = match self.consumer.client().commit(&offsets, CommitMode::Sync) {
                Ok(()) => {
                    positions.committed();
                    return Ok(Outcome::Committed);
                }
                Err(error) => error,
            };
            match judge(&error) {
                Judgement::Again if attempt < attempts => self.producer.serve(PAUSE)?,
                Judgement::Again => {
                    tracing::warn!(%error, "the checkpoint is postponed: the offsets could not be committed");
                    return Ok(Outcome::Postponed);
                }
                Judgement::Outdated => {
                    tracing::warn!(%error, "the group has gone on without this worker: its partitions are scored again by their new owners");
                    return Ok(Outcome::Outdated);
                }
                Judgement::Failed => return Err(Failure::of("cannot commit offsets", &error)),
            }
        }
        Ok(Outcome::Postponed)
    }
}

enum Judgement {
    Again,
    Outdated,
    Failed,
}

fn judge(error: &KafkaError) -> Judgement {
    match error.rdkafka_error_code() {
        Some(Code::IllegalGeneration | Code::UnknownMemberId | Code::FencedInstanceId) => Judgement::Outdated,
        Some(code) if is_refusal(code) => Judgement::Failed,
        // A rebalance, a coordinator that moves or cannot be reached: leaving the group for one of these would
        // make every sibling rebalance.
        _ => Judgement::Again,
    }
}
