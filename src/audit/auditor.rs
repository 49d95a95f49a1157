//! Checking predictions chunk by chunk.

use super::claim::{Claim, NoClaim, Place};
use super::comparison::{Verdict, compare};
use super::inputs::{Input, Inputs};
use super::report::Report;
use crate::model::{ModelError, Models, ScoreError};
use crate::output::{Format, Published, Source};
use crate::scoring::Scoring;
use crate::stream::{ClientFactory, Cursor, Excerpt, Failure, Record};
use std::collections::BTreeMap;
use std::time::Duration;

/// Claims that are sorted by their sources at a time, and the bytes of their values.
const CHUNK: usize = 8192;
const CHUNK_BYTES: usize = 8 << 20;
/// Rows scored at once.
const BATCH: usize = 1024;

/// Scores published predictions again, from the rows and with the models that they name.
pub struct Auditor {
    topic: String,
    inputs: Inputs,
    models: Models,
    /// By hash, `None` where there is no model of it.
    scorings: BTreeMap<String, Option<Scoring>>,
    chunk: Vec<Claim>,
    chunk_bytes: usize,
    report: Report,
}

/// Why an audit could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("{0}")]
    Kafka(#[from] Failure),
    #[error("{prediction}, made from {input}: {failure}")]
    Input {
        prediction: Place,
        input: Place,
        failure: Failure,
    },
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error("{0}")]
    Score(#[from] ScoreError),
}

impl Auditor {
    /// For predictions of this topic.
    ///
    /// # Errors
    /// The consumer of the rows cannot be made.
    pub fn new(
        factory: &ClientFactory,
        topic: &str,
        models: Models,
        patience: Duration,
    ) -> Result<Auditor, AuditError> {
        Ok(Auditor {
            topic: topic.to_owned(),
            inputs: Inputs::new(factory, patience)?,
            models,
            scorings: BTreeMap::new(),
            chunk: Vec::new(),
            chunk_bytes: 0,
            report: Report::default(),
        })
    }

    /// Checks the predictions at these offsets, which `predictions` reads.
    ///
    /// # Errors
    /// The brokers refuse or do not answer, or a model that is there cannot be used.
    pub fn audit(mut self, predictions: &mut Cursor, excerpt: &Excerpt) -> Result<Report, AuditError> {
        let topic = self.topic.clone();
        excerpt.read(predictions, &topic, |partition, record| self.take(partition, record))?;
        self.check_chunk()?;
        Ok(self.report)
    }

    fn take(&mut self, partition: i32, record: Record) -> Result<(), AuditError> {
        self.report.records += 1;
        let offset = record.offset;
        match Claim::read(partition, record) {
            Ok(claim) => {
                self.chunk_bytes += claim.value.len();
                self.chunk.push(claim);
            }
            Err(NoClaim::Tombstone) => self.report.tombstones += 1,
            Err(NoClaim::Unreadable(name, why)) => {
                let place = Place {
                    topic: self.topic.clone(),
                    partition,
                    offset,
                };
                self.report.unreadable(place, name, why);
            }
        }
        if self.chunk.len() == CHUNK || self.chunk_bytes >= CHUNK_BYTES {
            self.check_chunk()?;
        }
        Ok(())
    }

    fn check_chunk(&mut self) -> Result<(), AuditError> {
        let mut chunk = std::mem::take(&mut self.chunk);
        self.chunk_bytes = 0;
        // Each model once, and its rows in the order in which they stand.
        chunk.sort_by(|a, b| (&a.model, &a.source).cmp(&(&b.model, &b.source)));
        for claims in chunk.chunk_by(|a, b| a.model == b.model) {
            let model = &claims[0].model;
            // Taken out, so that the rest of the auditor can be used meanwhile.
            let scoring = match self.scorings.remove(model) {
                Some(known) => known,
                None => match self.models.get(model)? {
                    Some(model) => Some(Scoring::new(&model, Format::Json)?),
                    None => None,
                },
            };
            let scoring = match scoring {
                Some(mut scoring) => {
                    self.check(claims, &mut scoring)?;
                    Some(scoring)
                }
                None => {
                    *self.report.unknown_models.entry(model.clone()).or_default() += claims.len() as u64;
                    None
                }
            };
            self.scorings.insert(model.clone(), scoring);
        }
        Ok(())
    }

    /// Checks claims of one model that are in the order of their sources.
    fn check(&mut self, claims: &[Claim], scoring: &mut Scoring) -> Result<(), AuditError> {
        let mut batch: Vec<&Claim> = Vec::with_capacity(BATCH);
        for claim in claims {
            let input = self.inputs.at(&claim.source).map_err(|failure| AuditError::Input {
                prediction: claim.place(&self.topic),
                input: claim.source.clone(),
                failure,
            })?;
            let row = match input {
                Input::Record(Some(row)) => row,
                Input::Record(None) => {
                    self.different(claim, vec!["the input has no value".into()]);
                    continue;
                }
                Input::Gap | Input::End => {
                    self.report.missing_inputs += 1;
                    continue;
                }
                Input::Denied(why) => {
                    let prediction = claim.place(&self.topic);
                    self.report.denied(prediction, claim.source.clone(), why.clone());
                    continue;
                }
            };
            match scoring.push(row) {
                Ok(_) => batch.push(claim),
                Err(rejection) => {
                    let reason = rejection.reason.as_str();
                    self.different(
                        claim,
                        vec![format!("the input cannot be scored: {reason}: {rejection}")],
                    );
                }
            }
            if batch.len() == BATCH {
                self.compare(&mut batch, scoring)?;
            }
        }
        self.compare(&mut batch, scoring)
    }

    /// Scores the rows of the batch and holds the claims against them.
    fn compare(&mut self, batch: &mut Vec<&Claim>, scoring: &mut Scoring) -> Result<(), AuditError> {
        let model = scoring.model().clone();
        let scored = scoring.score()?;
        let mut again = Vec::new();
        for (row, claim) in batch.drain(..).enumerate() {
            let Place {
                topic,
                partition,
                offset,
            } = &claim.source;
            let source = Source {
                topic,
                partition: *partition,
                offset: *offset,
            };
            again.clear();
            scored.write(row, Some(source), &mut again);
            let verdict = if again == claim.value {
                Verdict::Equal
            } else {
                match (Published::read(&claim.value), Published::read(&again)) {
                    (Ok(published), Ok(again)) => {
                        compare(&published, &again, &scored.prediction(row), model.metadata())
                    }
                    (Err(why), _) | (_, Err(why)) => Verdict::Different(vec![why]),
                }
            };
            match verdict {
                Verdict::Equal => self.report.equal += 1,
                Verdict::WithinOneUlp => self.report.within_one_ulp += 1,
                Verdict::Different(differences) => self.different(claim, differences),
            }
        }
        scoring.clear();
        Ok(())
    }

    fn different(&mut self, claim: &Claim, differences: Vec<String>) {
        let prediction = claim.place(&self.topic);
        self.report.different(prediction, claim.source.clone(), differences);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Kafka;
    use crate::model::Model;
    use crate::stream::EmbeddedKafka;
    use rdkafka::types::RDKafkaRespErr;
    use std::sync::Arc;

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    #[test]
    fn only_the_input_topic_of_the_settings_has_to_be_readable() {
        let kafka = EmbeddedKafka::start(1).unwrap();
        let settings = Kafka {
            bootstrap_servers: kafka.bootstrap_servers().unwrap(),
            input_topic: "rows".into(),
            ..Kafka::default()
        };
        for topic in ["rows", "secret"] {
            kafka.create_topic(topic, 1, 1).unwrap();
            let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
            kafka.fail_topic(topic, denied).unwrap();
        }
        let factory = ClientFactory::new(settings, "test".into());
        let model = Arc::new(Model::embedded().unwrap());
        let mut scoring = Scoring::new(&model, Format::Json).unwrap();
        scoring.push(SEED.as_bytes()).unwrap();
        let scored = scoring.score().unwrap();
        let mut models = Models::default();
        models.add(model);
        let mut auditor = Auditor::new(&factory, "out", models, Duration::from_secs(20)).unwrap();
        let mut take = |offset: i64, topic: &str| {
            let mut value = Vec::new();
            let source = Source {
                topic,
                partition: 0,
                offset: 100 + offset,
            };
            scored.write(0, Some(source), &mut value);
            let value = Some(value);
            auditor.take(4, Record { offset, value }).unwrap();
            auditor.check_chunk().map(|()| auditor.report.clone())
        };
        let report = take(7, "secret").unwrap();
        assert_eq!((report.denied_inputs, report.unchecked()), (1, 1));
        let shown = report.to_string();
        let place = "  denied input: out, partition 4, offset 7, made from secret, partition 0, offset 107\n";
        assert!(shown.contains(place), "{shown}");
        let error = take(8, "rows").unwrap_err().to_string();
        let places = "out, partition 4, offset 8, made from rows, partition 0, offset 108: cannot read rows: ";
        assert!(error.starts_with(places), "{error}");
    }
}
