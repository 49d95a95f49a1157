//! The challenger at work.

use super::monitor::ShadowCounts;
use crate::flight::Row;
use crate::model::{Model, Scorer, Scores};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Every so many rows the encoding is timed: reading the clock costs as much as encoding.
const TIMED: usize = 16;

/// Scores the rows that the champion scored, after the champion's predictions are on their way. Whatever goes wrong with
/// it stays here.
pub struct Shadow {
    scorer: Scorer,
    /// For each row of the champion's batch, its number in the challenger's.
    places: Vec<Option<usize>>,
    encoding: Duration,
    failed: bool,
}

impl Shadow {
    /// None where the challenger failed before, or cannot be made ready, which is logged and counted.
    pub fn new(model: &Arc<Model>, counts: &mut ShadowCounts) -> Option<Shadow> {
        if counts.failures > 0 {
            return None;
        }
        match model.scorer() {
            Ok(scorer) => Some(Shadow {
                scorer,
                places: Vec::new(),
                encoding: Duration::ZERO,
                failed: false,
            }),
            Err(error) => {
                tracing::error!(%error, "the challenger cannot be used");
                counts.failures += 1;
                None
            }
        }
    }

    pub fn clear(&mut self) {
        self.scorer.clear();
        self.places.clear();
        self.encoding = Duration::ZERO;
    }

    /// Takes a row that the champion has taken.
    pub fn push(&mut self, row: &Row<'_>) {
        if self.failed {
            return;
        }
        let timed = self.places.len().is_multiple_of(TIMED).then(Instant::now);
        let place = self.scorer.len();
        let taken = self.scorer.push(row).is_ok();
        self.places.push(taken.then_some(place));
        if let Some(started) = timed {
            self.encoding += started.elapsed();
        }
    }

    /// Scores the batch: each row's place in it, and the scores. None where the challenger has failed, now or before.
    pub fn score(&mut self, counts: &mut ShadowCounts) -> Option<(&[Option<usize>], Scores<'_>)> {
        if self.failed {
            return None;
        }
        let timed = self.places.len().div_ceil(TIMED).max(1);
        let encoding = self.encoding.mul_f64(self.places.len() as f64 / timed as f64);
        let started = Instant::now();
        let scored = self.scorer.score();
        counts.seconds += (encoding + started.elapsed()).as_secs_f64();
        let error = match scored {
            Ok(scores) => {
                counts.scored += scores.len() as u64;
                counts.rejected += (self.places.len() - scores.len()) as u64;
                return Some((&self.places, scores));
            }
            Err(error) => error,
        };
        tracing::error!(
            %error,
            "the challenger failed and is put aside until another takes its place"
        );
        self.failed = true;
        counts.failures += 1;
        None
    }
}
