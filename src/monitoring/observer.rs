//! A worker's view of what it scores.

use super::monitor::{Monitor, Observations};
use super::shadow::Shadow;
use super::truth::Truth;
use crate::flight::Row;
use crate::lineup::Lineup;
use crate::model::{Prediction, Scores};
use crate::quality::Verdict;
use std::sync::Arc;
use std::time::Instant;

/// Follows the batches of one worker. Its buffers serve one batch after the other.
pub struct Observer {
    monitor: Arc<Monitor>,
    truth: Truth,
    shadow: Option<Shadow>,
    /// What each row of the batch says about how it came out.
    truths: Vec<Option<bool>>,
    /// Unknown categories that were counted before this observer's scorer.
    unknown_before: Vec<u64>,
}

impl Observer {
    /// For a worker that goes on with these models.
    pub fn new(monitor: Arc<Monitor>, lineup: &Lineup) -> Observer {
        monitor.follow(lineup);
        let mut state = monitor.lock();
        let unknown_before = state.champion.as_ref().map(|seen| seen.unknown.clone());
        let shadow = lineup.challenger.as_ref();
        let shadow = shadow.and_then(|model| Shadow::new(model, &mut state.shadow));
        drop(state);
        Observer {
            truth: Truth::new(lineup.champion.metadata()),
            shadow,
            truths: Vec::new(),
            unknown_before: unknown_before.unwrap_or_default(),
            monitor,
        }
    }

    pub fn clear(&mut self) {
        self.truths.clear();
        if let Some(shadow) = &mut self.shadow {
            shadow.clear();
        }
    }

    /// Takes a row that the champion has taken.
    pub fn push(&mut self, row: &Row<'_>) {
        self.truths.push(self.truth.of(row));
        if let Some(shadow) = &mut self.shadow {
            shadow.push(row);
        }
    }

    /// Notes how many values the champion's scorer did not know, by feature.
    pub fn unknown_categories(&self, unknown: &[u64]) {
        let mut state = self.monitor.lock();
        let Some(champion) = &mut state.champion else {
            return;
        };
        let counts = self.unknown_before.iter().zip(unknown);
        for (count, (before, now)) in champion.unknown.iter_mut().zip(counts) {
            *count = before + now;
        }
    }

    /// Notes what the champion made of the batch, and lets the challenger score it.
    pub fn scored(&mut self, scores: Scores<'_>) {
        let now = Instant::now();
        let mut counts = self.monitor.lock().shadow;
        // Without the lock: a scrape need not wait for the challenger.
        let shadow = self.shadow.as_mut().and_then(|shadow| shadow.score(&mut counts));
        let mut state = self.monitor.lock();
        state.shadow = counts;
        let Observations {
            champion: Some(champion),
            challenger,
            comparison,
            ..
        } = &mut *state
        else {
            return;
        };
        champion.scored += scores.len() as u64;
        if let Some(reference) = &champion.reference {
            let score = |row| scores.get(row).positive().to_f64();
            reference.observe(scores.features(), score, champion.drift.current(now));
        }
        let tally = champion.quality.current(now);
        for (prediction, truth) in scores.iter().zip(&self.truths) {
            if let Some(truth) = *truth {
                let verdict = verdict(&prediction);
                tally.observe(verdict.score, verdict.positive, truth);
            }
        }
        if let (Some((places, shadow_scores)), Some(challenger)) = (shadow, challenger) {
            challenger.scored += shadow_scores.len() as u64;
            let tally = challenger.quality.current(now);
            let comparison = comparison.current(now);
            for ((prediction, truth), place) in scores.iter().zip(&self.truths).zip(places) {
                let Some(place) = *place else {
                    continue;
                };
                let champion = verdict(&prediction);
                let challenger = verdict(&shadow_scores.get(place));
                if let Some(truth) = *truth {
                    tally.observe(challenger.score, challenger.positive, truth);
                }
                comparison.observe(champion, challenger, *truth);
            }
        }
    }
}

fn verdict(prediction: &Prediction<'_>) -> Verdict {
    Verdict {
        score: prediction.positive().to_f64(),
        positive: prediction.is_positive(),
    }
}
