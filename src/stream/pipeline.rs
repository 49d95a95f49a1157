//! A batch of input records on its way to predictions, tombstones and dead letters.

use super::dead_letter::DeadLetter;
use super::failure::Failure;
use super::outgoing::{Outgoing, source};
use super::producer::Producer;
use super::raw::{Batch, Record};
use super::topics::Topics;
use super::worker::Worker;
use crate::flight::Rejection;
use crate::lineup::{Lineup, Served};
use crate::metrics::{Metrics, Stage};
use crate::model::{Metadata, Prediction, ScoreError};
use crate::monitoring::{Monitor, Observer};
use crate::output::{Format, console_block};
use crate::scoring::Scoring;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Turns batches into output records. Its buffers serve one batch after the other.
pub struct Pipeline {
    served: Arc<Served>,
    /// Of the lineup that scores.
    generation: u64,
    format: Format,
    scoring: Scoring,
    /// Named in a header where the format has no place for it.
    model: Option<Vec<u8>>,
    /// Where the service is monitored.
    monitor: Option<Arc<Monitor>>,
    observer: Option<Observer>,
    topics: Arc<Topics>,
    metrics: Metrics,
    sample: Sample,
    outcomes: Vec<Outcome>,
    value: Vec<u8>,
}

/// What becomes of an input record.
enum Outcome {
    /// The row's number in the scored batch.
    Scored(usize),
    Tombstone,
    DeadLetter(DeadLetter),
}

/// Prints every Nth scored row as the original demo printed each.
struct Sample {
    every: u64,
    scored: u64,
}

impl Pipeline {
    pub fn new(worker: &Worker) -> Result<Self, Failure> {
        let generation = worker.served.generation();
        let lineup = worker.served.lineup();
        let scoring = scoring(&lineup, worker.format)?;
        Ok(Pipeline {
            served: worker.served.clone(),
            generation,
            format: worker.format,
            model: model_header(&scoring, worker.format),
            scoring,
            observer: observer(&worker.monitor, &lineup),
            monitor: worker.monitor.clone(),
            topics: worker.topics.clone(),
            metrics: worker.metrics.clone(),
            sample: Sample {
                every: worker.sample_every,
                scored: 0,
            },
            outcomes: Vec::new(),
            value: Vec::new(),
        })
    }

    /// Goes on with the models that are in service now.
    fn follow_lineup(&mut self) -> Result<(), Failure> {
        // Read first: a change that comes in between is followed with the next batch.
        let generation = self.served.generation();
        if generation != self.generation {
            let lineup = self.served.lineup();
            self.scoring = scoring(&lineup, self.format)?;
            self.observer = observer(&self.monitor, &lineup);
            self.model = model_header(&self.scoring, self.format);
            self.generation = generation;
        }
        Ok(())
    }

    /// Scores the batch and hands one record to the producer for each of its records, in order.
    pub fn process(&mut self, batch: &Batch<'_>, producer: &Producer) -> Result<(), Failure> {
        self.follow_lineup()?;
        let started = Instant::now();
        self.metrics.consumed_batch(batch.len());
        self.decide(batch, &mut BTreeMap::new());
        let Err(error) = self.score(batch, producer, started)? else {
            return Ok(());
        };
        tracing::error!(%error, "a row on which the model fails becomes a dead letter");
        let mut failing = self.failing(batch);
        self.decide(batch, &mut failing);
        let scored = self.score(batch, producer, started)?;
        scored.map_err(|error| Failure::Model(error.to_string()))
    }

    /// The records whose row the model fails on, by their place in the batch.
    fn failing(&mut self, batch: &Batch<'_>) -> BTreeMap<usize, ScoreError> {
        let mut failing = BTreeMap::new();
        let values = batch.iter().map(|message| message.payload().unwrap_or_default());
        for (position, value) in values.enumerate() {
            self.scoring.clear();
            // What is not a row has its own outcome.
            if self.scoring.push(value).is_ok()
                && let Err(error) = self.scoring.score()
            {
                failing.insert(position, error);
            }
        }
        failing
    }

    /// Decides each record's outcome and encodes the rows that can be scored. The model fails on those in `failing`.
    fn decide(&mut self, batch: &Batch<'_>, failing: &mut BTreeMap<usize, ScoreError>) {
        self.scoring.clear();
        self.outcomes.clear();
        let Pipeline { scoring, observer, .. } = self;
        if let Some(observer) = observer {
            observer.clear();
        }
        for (position, message) in batch.iter().enumerate() {
            let outcome = match (message.key(), message.payload()) {
                _ if let Some(error) = failing.remove(&position) => Outcome::DeadLetter(DeadLetter::ModelFailed(error)),
                (None, None) => Outcome::DeadLetter(DeadLetter::NullRecord),
                (Some(_), None) => Outcome::Tombstone,
                (None, Some(_)) if self.topics.output.limits.compacted => Outcome::DeadLetter(DeadLetter::MissingKey),
                (_, Some(value)) => match push(scoring, observer, value) {
                    Ok(row) => Outcome::Scored(row),
                    Err(rejection) => Outcome::DeadLetter(DeadLetter::Row(rejection)),
                },
            };
            self.outcomes.push(outcome);
        }
    }

    /// Scores the rows and produces every record's outcome, or nothing where the model fails.
    fn score(
        &mut self,
        batch: &Batch<'_>,
        producer: &Producer,
        started: Instant,
    ) -> Result<Result<(), ScoreError>, Failure> {
        let model = self.scoring.model().clone();
        let scored = match self.scoring.score() {
            Ok(scored) => scored,
            Err(error) => return Ok(Err(error)),
        };
        let producing = Instant::now();
        self.metrics.spent(Stage::Score, producing - started);

        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis() as i64;
        let mut predicted = [0; Metadata::MOST_LABELS];
        for (message, outcome) in batch.iter().zip(&self.outcomes) {
            let outgoing = Outgoing {
                message,
                now,
                producer,
                metrics: &self.metrics,
                topics: &self.topics,
                model: self.model.as_deref(),
            };
            match outcome {
                Outcome::Scored(row) => {
                    self.value.clear();
                    scored.write(*row, Some(source(&message, &self.topics)), &mut self.value);
                    if outgoing.output(Some(&self.value))? {
                        let prediction = scored.prediction(*row);
                        predicted[prediction.label_index()] += 1;
                        self.sample.scored(&message, &prediction);
                    }
                }
                Outcome::Tombstone => {
                    if outgoing.output(None)? {
                        self.metrics.passed_tombstone();
                    }
                }
                Outcome::DeadLetter(letter) => outgoing.dead_letter(letter)?,
            }
        }
        if let Some(oldest) = batch.iter().filter_map(|message| message.timestamp()).min() {
            producer.batch_ends(oldest);
        }
        for (label, count) in model.metadata().labels.iter().zip(predicted) {
            self.metrics.predicted(label, count);
        }
        self.metrics.spent(Stage::Produce, producing.elapsed());
        // The outputs are on their way: nobody waits for this.
        if let Some(observer) = &mut self.observer {
            observer.scored(scored.scores());
            observer.unknown_categories(self.scoring.scorer().unknown_categories());
        }
        Ok(Ok(()))
    }
}

impl Sample {
    fn scored(&mut self, message: &Record<'_>, prediction: &Prediction<'_>) {
        if self.every == 0 {
            return;
        }
        self.scored += 1;
        if self.scored.is_multiple_of(self.every) {
            let row = message.payload().unwrap_or_default();
            let probabilities = prediction.probabilities().map(|(_, probability)| probability);
            let block = console_block(row, prediction.label(), probabilities);
            // A closed standard output is no reason to stop scoring.
            let _ = std::io::stdout().lock().write_all(block.as_bytes());
        }
    }
}

fn push(scoring: &mut Scoring, observer: &mut Option<Observer>, value: &[u8]) -> Result<usize, Rejection> {
    match observer {
        Some(observer) => scoring.push_seen(value, |row| observer.push(row)),
        None => scoring.push(value),
    }
}

fn observer(monitor: &Option<Arc<Monitor>>, lineup: &Lineup) -> Option<Observer> {
    let monitor = monitor.as_ref()?;
    Some(Observer::new(monitor.clone(), lineup))
}

fn scoring(lineup: &Lineup, format: Format) -> Result<Scoring, Failure> {
    Scoring::new(&lineup.champion, format).map_err(|error| Failure::Model(error.to_string()))
}

fn model_header(scoring: &Scoring, format: Format) -> Option<Vec<u8>> {
    let model = scoring.model();
    let name = || format!("{}@{}", model.metadata().name, model.short_sha256());
    (format != Format::Json).then(|| name().into_bytes())
}
