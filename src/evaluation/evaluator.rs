//! Joining predictions with truth.

use super::report::{OfModel, Report};
use super::seen::Seen;
use super::truth::{Found, Truths};
use crate::audit::{Claim, NoClaim};
use crate::model::{ModelError, Models};
use crate::output::Published;
use crate::quality::Tally;
use crate::stream::{Cursor, Excerpt, Failure, Record};
use std::collections::BTreeMap;

/// What is taken for the positive label of a model that is not here.
const USUAL: &str = "YES";

/// Holds each prediction against the truth about its flight.
pub struct Evaluator {
    truths: Truths,
    models: Models,
    /// By hash.
    judged: BTreeMap<String, Judged>,
    report: Report,
}

/// The predictions of one model.
struct Judged {
    name: String,
    positive: String,
    seen: Seen,
    predictions: u64,
    tally: Tally,
}

/// Why an evaluation could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum EvaluationError {
    #[error("{0}")]
    Kafka(#[from] Failure),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(
        "which label of the model {name} ({sha256}) is the positive one is not known: it has {labels}, and is not \
         here; give its file by --models DIR"
    )]
    NoPositiveLabel {
        name: String,
        sha256: String,
        labels: String,
    },
}

impl Evaluator {
    pub fn new(truths: Truths, models: Models) -> Evaluator {
        Evaluator {
            truths,
            models,
            judged: BTreeMap::new(),
            report: Report::default(),
        }
    }

    /// Reads the predictions of a topic at these offsets and judges each.
    ///
    /// # Errors
    /// The brokers refuse or do not answer, or it is not known which label of a model is the positive one.
    pub fn evaluate(mut self, cursor: &mut Cursor, topic: &str, excerpt: &Excerpt) -> Result<Report, EvaluationError> {
        excerpt.read(cursor, topic, |partition, record| self.take(partition, record))?;
        self.report.truth = self.truths.counts().clone();
        let models = self.judged.into_iter().map(|(sha256, judged)| OfModel {
            name: judged.name,
            sha256,
            predictions: judged.predictions,
            figures: judged.tally.figures(),
        });
        self.report.models = models.collect();
        Ok(self.report)
    }

    fn take(&mut self, partition: i32, record: Record) -> Result<(), EvaluationError> {
        let claim = match Claim::read(partition, record) {
            Ok(claim) => claim,
            Err(NoClaim::Tombstone) => {
                self.report.tombstones += 1;
                return Ok(());
            }
            Err(NoClaim::Unreadable(name, _)) => {
                *self.report.unreadable.entry(name).or_default() += 1;
                return Ok(());
            }
        };
        // It was read once already.
        let Ok(published) = Published::read(&claim.value) else {
            return Ok(());
        };
        let judged = match self.judged.entry(claim.model) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let judged = Judged::new(new.key(), &published, &mut self.models)?;
                new.insert(judged)
            }
        };
        if !judged.seen.insert(&claim.source) {
            self.report.duplicates += 1;
            return Ok(());
        }
        judged.predictions += 1;
        self.report.predictions += 1;
        let found = published.flight.as_ref().map(|flight| self.truths.find(flight));
        let label = match found {
            None | Some(Found::Nothing) => {
                self.report.without_truth += 1;
                return Ok(());
            }
            Some(Found::Ambiguous) => {
                self.report.ambiguous += 1;
                return Ok(());
            }
            Some(Found::Label(label)) => label,
        };
        if !published.labels.iter().any(|known| known == label) {
            self.report.other_label += 1;
            return Ok(());
        }
        match score(&published, &judged.positive) {
            None => self.report.without_score += 1,
            Some(score) => {
                let said_positive = published.label == judged.positive;
                judged.tally.observe(score, said_positive, label == judged.positive);
                self.report.matched += 1;
            }
        }
        Ok(())
    }
}

impl Judged {
    fn new(sha256: &str, published: &Published<'_>, models: &mut Models) -> Result<Judged, EvaluationError> {
        let name = published
            .model
            .as_ref()
            .map_or(String::new(), |model| model.name.to_string());
        let positive = match models.get(sha256)? {
            Some(model) => model.metadata().positive_label().to_owned(),
            None if published.labels.iter().any(|label| label == USUAL) => USUAL.to_owned(),
            None => {
                return Err(EvaluationError::NoPositiveLabel {
                    name,
                    sha256: sha256.to_owned(),
                    labels: published.labels.join(", "),
                });
            }
        };
        Ok(Judged {
            name,
            positive,
            seen: Seen::default(),
            predictions: 0,
            tally: Tally::default(),
        })
    }
}

/// The probability of the positive label, `None` where it is not a number.
fn score(published: &Published<'_>, positive: &str) -> Option<f64> {
    let position = published.labels.iter().position(|label| label == positive)?;
    let score: f64 = published.probabilities.get(position)?.parse().ok()?;
    (!score.is_nan()).then_some(score)
}
