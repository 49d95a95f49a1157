use super::*;
use crate::model::Model;
use crate::output::Source;
use crate::replay::{BadRows, Rows};
use crate::scoring::Scoring;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

const TIMESTAMP: i64 = 1_700_000_000_000;

/// A run of as many rows of the sample, all in partition 0 of two and acknowledged.
struct Fixture {
    rows: Rows,
    scoring: Scoring,
    ledger: Ledger,
    checker: Checker,
}

impl Fixture {
    fn new(format: Format, rows: u32) -> Fixture {
        static MODEL: LazyLock<Arc<Model>> = LazyLock::new(|| Arc::new(Model::embedded().unwrap()));
        let model = &*MODEL;
        let mut scoring = Scoring::new(model, format).unwrap();
        let bad_rows = BadRows::percent(10.0).unwrap();
        let expectation = Expectation {
            format,
            input_topic: "In".into(),
            model: model.short_sha256().to_owned(),
            timestamps: true,
        };
        let mut ledger = Ledger::new(&[100, 0]);
        for number in 0..rows {
            ledger.enter(0, number.into(), Duration::ZERO);
            ledger.acknowledge(0, number, Some(i64::from(100 + number)));
        }
        Fixture {
            rows: Rows::sample(200, bad_rows, &mut scoring).unwrap(),
            scoring,
            ledger,
            checker: Checker::new(expectation, 2),
        }
    }

    /// What the service makes of a row: kind and value.
    fn served(&mut self, number: u32) -> (Kind, Vec<u8>) {
        let mut spoiled = Vec::new();
        let row = self.rows.get(number.into(), &mut spoiled);
        if self.scoring.push(row.value).is_err() {
            return (Kind::DeadLetter, row.value.to_vec());
        }
        let source = Source {
            topic: "In",
            partition: 0,
            offset: i64::from(100 + number),
        };
        let mut value = Vec::new();
        self.scoring.score().unwrap().write(0, Some(source), &mut value);
        self.scoring.clear();
        (Kind::Prediction, value)
    }

    /// Lets the outcome of a row come, after a change.
    fn came(&mut self, number: u32, change: impl FnOnce(&mut Outcome<'_>)) {
        let (kind, value) = self.served(number);
        let mut spoiled = Vec::new();
        let key = self.rows.get(number.into(), &mut spoiled).key.map(<[u8]>::to_vec);
        let mut outcome = Outcome {
            kind,
            output_partition: 0,
            partition: 0,
            sequence: number,
            key: key.as_deref(),
            value: Some(&value),
            timestamp: Some(TIMESTAMP),
            offset: (kind == Kind::DeadLetter).then_some(i64::from(100 + number)),
            reason: None,
        };
        change(&mut outcome);
        let rows = &self.rows;
        let mut spoiled = Vec::new();
        self.checker.outcome(&mut self.ledger, &outcome, |sent| {
            (rows.get(sent.number, &mut spoiled), TIMESTAMP)
        });
    }
}

/// A good row, and the first that is spoiled.
const GOOD: u32 = 1;
const BAD: u32 = 9;

#[test]
fn outcomes_as_they_must_be_are_no_fault_in_any_format() {
    for format in [Format::Json, Format::Csv, Format::Text] {
        let mut run = Fixture::new(format, 200);
        for number in 0..200 {
            run.came(number, |_| {});
        }
        let counts = run.checker.counts;
        assert_eq!((counts.scored, counts.dead_lettered), (180, 20), "{format:?}");
        let faults = (counts.duplicated, counts.out_of_order, counts.wrong, counts.unverified);
        assert_eq!(faults, (0, 0, 0, 0), "{format:?}");
        assert_eq!(run.ledger.lost().count(), 0);
    }
}

#[test]
fn every_wrong_outcome_is_found() {
    type Change = fn(&mut Outcome<'_>);
    let changes: [(u32, Change, &str); 11] = [
        (GOOD, |o| o.value = Some(b"{}"), "not a prediction in JSON"),
        (GOOD, |o| o.value = None, "not a prediction in JSON"),
        (GOOD, |o| o.value = Some(b"NO,0.9,0.1"), "not a prediction in JSON"),
        (
            GOOD,
            |o| o.kind = Kind::DeadLetter,
            "a dead letter for a row that can be scored",
        ),
        (
            BAD,
            |o| o.kind = Kind::Prediction,
            "a prediction for a row that cannot be scored",
        ),
        (BAD, |o| o.value = Some(b"hello"), "value is not the row"),
        (BAD, |o| o.value = None, "value is not the row"),
        (BAD, |o| o.offset = Some(1), "names another offset"),
        (GOOD, |o| o.key = None, "its key is not"),
        (GOOD, |o| o.timestamp = Some(0), "its timestamp is not"),
        (GOOD, |o| o.sequence = 7000, "was not sent"),
    ];
    for (number, change, expected) in changes {
        let mut run = Fixture::new(Format::Json, 20);
        run.came(number, change);
        assert_eq!(run.checker.counts.wrong, 1, "{expected}");
        let example = run.checker.examples.iter().next().unwrap();
        assert!(example.contains(expected), "{example} for {expected}");
    }
}

#[test]
fn another_source_or_digit_is_wrong_and_another_model_unverified() {
    for (from, to, wrong, unverified) in [
        ("\"offset\":101}}", "\"offset\":102}}", 1, 0),
        ("\"offset\":101}}", "\"offset\":0101}}", 1, 0),
        ("\"offset\":101}}", "\"offset\":101}} ", 1, 0),
        ("\"partition\":0", "\"partition\":1", 1, 0),
        ("\"topic\":\"In\"", "\"topic\":\"Out\"", 1, 0),
        ("\"NO\":0.", "\"NO\":1.", 1, 0),
        ("\"sha256\":\"", "\"sha256\":\"0", 0, 1),
    ] {
        let mut run = Fixture::new(Format::Json, 20);
        let (_, value) = run.served(GOOD);
        let value = String::from_utf8(value).unwrap();
        let changed = value.replacen(from, to, 1);
        assert_ne!(changed, value, "{from}");
        run.came(GOOD, |outcome| {
            // The outcome lives no longer than this run.
            outcome.value = Some(changed.clone().leak().as_bytes());
        });
        let counts = run.checker.counts;
        assert_eq!((counts.wrong, counts.unverified), (wrong, unverified), "{to}");
    }
}

#[test]
fn a_broker_that_sets_the_timestamp_is_not_held_to_it() {
    let mut run = Fixture::new(Format::Json, 20);
    run.came(GOOD, |outcome| outcome.timestamp = None);
    run.checker.expectation.timestamps = false;
    run.came(2, |outcome| outcome.timestamp = Some(5));
    assert_eq!(run.checker.counts.wrong, 0);
}

proptest! {
    /// Outcomes of a prediction topic in any order and number: what is counted is what came.
    #[test]
    fn lost_repeated_and_overtaken_rows_are_counted(order in proptest::collection::vec(0u32..9, 0..40)) {
        // Without a spoiled row there is one stream.
        let mut run = Fixture::new(Format::Csv, 9);
        let (mut seen, mut overtaken) = (BTreeSet::new(), 0);
        for &number in &order {
            let highest = seen.last().copied();
            if seen.insert(number) && highest.is_some_and(|highest| highest > number) {
                overtaken += 1;
            }
            run.came(number, |_| {});
        }
        let counts = run.checker.counts;
        prop_assert_eq!(counts.out_of_order, overtaken);
        prop_assert_eq!(counts.scored, seen.len() as u64);
        prop_assert_eq!(counts.duplicated, (order.len() - seen.len()) as u64);
        prop_assert_eq!(run.ledger.lost().count(), 9 - seen.len());
        prop_assert_eq!(counts.wrong, 0);
    }
}

#[test]
fn streams_of_other_partitions_and_topics_do_not_overtake() {
    let mut run = Fixture::new(Format::Csv, 9);
    for number in (0..9).rev() {
        run.came(number, |outcome| {
            outcome.output_partition = number as i32 / 2;
            if number % 2 == 0 {
                outcome.kind = Kind::DeadLetter;
            }
        });
    }
    assert_eq!(run.checker.counts.out_of_order, 0);
}
