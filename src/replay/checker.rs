//! Whether each row came out once, in order, and as what it has to be.

#[cfg(test)]
mod tests;

use super::ledger::{Ledger, Sent};
use super::outcome::{Kind, Outcome};
use super::report::Examples;
use super::rows::{Fingerprint, Row};
use crate::output::Format;
use serde::Deserialize;
use std::collections::HashMap;

/// What the outcomes are held against, beside the rows.
#[derive(Debug, Clone)]
pub struct Expectation {
    pub format: Format,
    pub input_topic: String,
    /// The model's SHA-256 as predictions in JSON name it.
    pub model: String,
    /// Whether outputs carry the timestamp of their input: not where a broker sets one of its own.
    pub timestamps: bool,
}

/// Counts of outcomes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Rows whose first outcome is a prediction.
    pub scored: u64,
    /// Rows whose first outcome is a dead letter.
    pub dead_lettered: u64,
    pub duplicated: u64,
    pub out_of_order: u64,
    pub wrong: u64,
    pub unverified: u64,
}

#[derive(Debug)]
pub struct Checker {
    expectation: Expectation,
    /// By input partition: how a prediction in JSON names it as its source, up to the offset.
    sources: Vec<Vec<u8>>,
    /// The highest sequence number of an input partition seen in a partition of the output or dead letter topic.
    highest: HashMap<(Kind, i32, i32), u32>,
    pub counts: Counts,
    pub examples: Examples,
}

/// What is wrong with an outcome.
enum Fault {
    Wrong(&'static str),
    /// Another model made it.
    Unverified,
}

impl Checker {
    pub fn new(expectation: Expectation, partitions: i32) -> Checker {
        let topic = &expectation.input_topic;
        let source = |partition| {
            format!(",\"source\":{{\"topic\":\"{topic}\",\"partition\":{partition},\"offset\":").into_bytes()
        };
        Checker {
            sources: (0..partitions).map(source).collect(),
            expectation,
            highest: HashMap::new(),
            counts: Counts::default(),
            examples: Examples::default(),
        }
    }

    /// Enters where the brokers put a row.
    pub fn acknowledge(&mut self, ledger: &mut Ledger, partition: i32, sequence: u32, offset: Option<i64>) {
        if !ledger.acknowledge(partition, sequence, offset) {
            self.wrong(partition, sequence, "its outcome names another offset");
        }
    }

    /// Checks an outcome. Returns what it belongs to, `None` where no such row was sent.
    ///
    /// `row` gives the row that was sent as the `number`th, and its timestamp.
    pub fn outcome<'r>(
        &mut self,
        ledger: &mut Ledger,
        outcome: &Outcome<'_>,
        row: impl FnOnce(Sent) -> (Row<'r>, i64),
    ) -> Option<Sent> {
        let Outcome {
            partition, sequence, ..
        } = *outcome;
        let Some(sent) = ledger.outcome(partition, sequence) else {
            self.wrong(partition, sequence, "an outcome of a row that was not sent");
            return None;
        };
        if sent.first {
            match outcome.kind {
                Kind::Prediction => self.counts.scored += 1,
                Kind::DeadLetter => self.counts.dead_lettered += 1,
            }
        } else {
            self.counts.duplicated += 1;
            self.examples.add("duplicated", partition, sequence, None);
        }
        self.order(outcome, sent.first);
        let (row, timestamp) = row(sent);
        match self.judge(ledger, outcome, &row, timestamp) {
            Ok(()) => {}
            Err(Fault::Unverified) => self.counts.unverified += 1,
            Err(Fault::Wrong(why)) => self.wrong(partition, sequence, why),
        }
        Some(sent)
    }

    /// Rows come again after a crash, and then in order too: only the first outcome of a row counts here.
    fn order(&mut self, outcome: &Outcome<'_>, first: bool) {
        let stream = (outcome.kind, outcome.output_partition, outcome.partition);
        let highest = self.highest.entry(stream).or_insert(outcome.sequence);
        if outcome.sequence > *highest {
            *highest = outcome.sequence;
        } else if first && outcome.sequence < *highest {
            self.counts.out_of_order += 1;
            self.examples
                .add("out of order", outcome.partition, outcome.sequence, None);
        }
    }

    fn judge(&self, ledger: &mut Ledger, outcome: &Outcome<'_>, row: &Row<'_>, timestamp: i64) -> Result<(), Fault> {
        let offset = match (outcome.kind, row.prediction) {
            (Kind::DeadLetter, Some(_)) => return Err(Fault::Wrong("a dead letter for a row that can be scored")),
            (Kind::Prediction, None) => return Err(Fault::Wrong("a prediction for a row that cannot be scored")),
            (Kind::DeadLetter, None) if outcome.value != Some(row.value) => {
                return Err(Fault::Wrong("the dead letter's value is not the row"));
            }
            (Kind::DeadLetter, None) => outcome.offset,
            (Kind::Prediction, Some(expected)) => self.prediction(outcome, expected)?,
        };
        if outcome.key != row.key {
            return Err(Fault::Wrong("its key is not the row's"));
        }
        if self.expectation.timestamps && outcome.timestamp.is_some_and(|found| found != timestamp) {
            return Err(Fault::Wrong("its timestamp is not the row's"));
        }
        if offset.is_some_and(|offset| !ledger.is_at(outcome.partition, outcome.sequence, offset)) {
            return Err(Fault::Wrong("it names another offset"));
        }
        Ok(())
    }

    /// Compares a prediction with what has to come out, and returns the offset that it names.
    fn prediction(&self, outcome: &Outcome<'_>, expected: Fingerprint) -> Result<Option<i64>, Fault> {
        let value = outcome.value.unwrap_or_default();
        if self.expectation.format != Format::Json {
            return match Fingerprint::of([value, b""]) == expected {
                true => Ok(None),
                false => Err(Fault::Wrong("not the prediction of this model for the row")),
            };
        }
        let split = split_source(value, &self.sources[outcome.partition as usize]);
        match split {
            Some((prediction, offset)) if Fingerprint::of([prediction, b"}"]) == expected => Ok(Some(offset)),
            _ if self.is_of_another_model(value) => Err(Fault::Unverified),
            Some(_) => Err(Fault::Wrong("not the prediction of this model for the row")),
            None => Err(Fault::Wrong(
                "not a prediction in JSON with the row's partition as its source",
            )),
        }
    }

    fn is_of_another_model(&self, value: &[u8]) -> bool {
        #[derive(Deserialize)]
        struct Published {
            model: Model,
        }
        #[derive(Deserialize)]
        struct Model {
            sha256: String,
        }
        serde_json::from_slice(value).is_ok_and(|Published { model }| model.sha256 != self.expectation.model)
    }

    fn wrong(&mut self, partition: i32, sequence: u32, why: &str) {
        self.counts.wrong += 1;
        self.examples.add("wrong", partition, sequence, Some(why));
    }
}

/// Cuts the source, of which all but the offset is known, off the end of a prediction in JSON.
fn split_source<'v>(value: &'v [u8], source: &[u8]) -> Option<(&'v [u8], i64)> {
    let value = value.strip_suffix(b"}}")?;
    let digits = value.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    let (prediction, offset) = value.split_at(value.len() - digits);
    let offset = std::str::from_utf8(offset).ok()?;
    let canonical = offset == "0" || !offset.starts_with('0');
    Some((
        prediction.strip_suffix(source)?,
        offset.parse().ok().filter(|_| canonical)?,
    ))
}
