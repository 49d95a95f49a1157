//! The one way an offset moves: everything produced is acknowledged, then the offsets are committed, by the consumer or,
//! with exactly once, in the producer's transaction.

use super::consumer::Consumer;
use super::failure::{Failure, is_denial, is_missing_topic, is_refusal};
use super::positions::Positions;
use super::producer::Producer;
use crate::config::Guarantee;
use crate::metrics::Metrics;
use rdkafka::TopicPartitionList;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::time::{Duration, Instant};

/// How long a commit, or an abort, may take where nothing else sets an end to it; well below the time after which a
/// worker counts as stuck.
pub const PATIENCE: Duration = Duration::from_secs(30);
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
    pub guarantee: Guarantee,
    pub topic: &'w str,
    pub group: &'w str,
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
        let outcome = match self.guarantee {
            Guarantee::AtLeastOnce => self.commit(&offsets, last, deadline)?,
            Guarantee::ExactlyOnce => self.commit_transaction(&offsets, deadline)?,
        };
        if outcome != Outcome::Postponed {
            positions.committed();
        }
        Ok(outcome)
    }

    fn commit(&self, offsets: &TopicPartitionList, last: bool, deadline: Instant) -> Result<Outcome, Failure> {
        loop {
            let error = match self.consumer.commit(offsets, deadline) {
                Ok(()) => return Ok(Outcome::Committed),
                Err(error) => error,
            };
            let code = error.rdkafka_error_code();
            if code.is_some_and(|code| is_refusal(code) || is_denial(code)) {
                return Err(Failure::of(
                    &format!("cannot commit the offsets of group {}", self.group),
                    &error,
                ));
            }
            if last && code.is_some_and(is_missing_topic) {
                // A topic of the same name that is made later must not be read from where this one ended.
                tracing::warn!(%error, "the offsets are given up: their topic is gone");
                return Ok(Outcome::NothingNew);
            }
            // A rebalance under way, a coordinator that moves or cannot be reached: leaving the group for one of
            // these would make every sibling rebalance, and when partitions are really gone a revocation says so. Whom
            // the group does not know as a member can only come back as a new one.
            let put_out = matches!(code, Some(Code::UnknownMemberId | Code::FencedInstanceId));
            if !last || put_out || Instant::now() + PAUSE >= deadline {
                tracing::warn!(%error, "the checkpoint is postponed: the offsets could not be committed");
                return Ok(Outcome::Postponed);
            }
            self.producer.serve(PAUSE)?;
        }
    }

    /// The membership is asked for here and now: with the one of an earlier moment every rebalance would abort the
    /// transaction, and without one a worker that was put out of the group would commit beside its successor.
    fn commit_transaction(&self, offsets: &TopicPartitionList, deadline: Instant) -> Result<Outcome, Failure> {
        let membership = self
            .consumer
            .membership()
            .filter(|_| !self.consumer.lost_its_assignment());
        let Some(membership) = membership else {
            let gone = Failure::Rebuild("the worker is no member of its group any more".into());
            return Err(Failure::Abort(Box::new(gone)));
        };
        self.producer.commit(offsets, &membership, deadline)?;
        Ok(Outcome::Committed)
    }
}
