//! Any bytes are a row that is scored or rejected with a message, alike whatever is in the batch with it.
#![no_main]

use flight_delay_scorer::flight::Rejection;
use flight_delay_scorer::model::Model;
use flight_delay_scorer::output::{Format, Source};
use flight_delay_scorer::scoring::Scoring;
use serde_json::Value;
use std::cell::RefCell;
use std::sync::Arc;

const OTHER: &[u8] =
    b"1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";
const SOURCE: Source<'_> = Source {
    topic: "AirlineInputTopic",
    partition: 3,
    offset: i64::MAX,
};

/// One path for each format, and what it makes of the other row.
struct Paths([(Scoring, Outcome); 3]);

type Outcome = Result<Vec<u8>, Rejection>;

impl Paths {
    fn new() -> Paths {
        let model = Arc::new(Model::embedded().unwrap());
        Paths([Format::Json, Format::Csv, Format::Text].map(|format| {
            let mut scoring = Scoring::new(&model, format).unwrap();
            let [other] = outcomes(&mut scoring, [OTHER]);
            assert!(other.is_ok());
            (scoring, other)
        }))
    }
}

fn outcomes<const N: usize>(scoring: &mut Scoring, rows: [&[u8]; N]) -> [Outcome; N] {
    scoring.clear();
    let numbers = rows.map(|row| scoring.push(row));
    assert_eq!(scoring.len(), numbers.iter().flatten().count());
    if scoring.is_empty() {
        return numbers.map(|number| Err(number.unwrap_err()));
    }
    let scored = scoring.score().unwrap();
    numbers.map(|number| {
        let mut out = Vec::new();
        scored.write(number?, Some(SOURCE), &mut out);
        Ok(out)
    })
}

fn check_rejection(rejection: &Rejection) {
    assert!(!rejection.message.is_empty());
    // The room that a dead letter has for it.
    assert!(rejection.message.len() <= 320, "{rejection}");
    assert!(!rejection.message.contains('\n'), "{rejection}");
}

fn check_prediction(json: Vec<u8>, csv: Vec<u8>, text: Vec<u8>) {
    let [json, csv, text] = [json, csv, text].map(|line| String::from_utf8(line).unwrap());
    for line in [&json, &csv, &text] {
        assert!(!line.contains(['\n', '\r']), "{line}");
    }
    let read: Value = serde_json::from_str(&json).unwrap();
    for (part, expected) in [
        (
            &read,
            &["flight", "label", "model", "probabilities", "source", "threshold"][..],
        ),
        (
            &read["flight"],
            &[
                "carrier",
                "date",
                "destination",
                "number",
                "origin",
                "scheduled_departure",
            ],
        ),
        (&read["model"], &["name", "sha256"]),
        (&read["probabilities"], &["NO", "YES"]),
        (&read["source"], &["offset", "partition", "topic"]),
    ] {
        let mut keys: Vec<_> = part.as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(keys, expected, "{json}");
    }
    let [label, no, yes] = csv.split(',').collect::<Vec<_>>()[..] else {
        panic!("{csv}");
    };
    assert!(["NO", "YES"].contains(&label), "{csv}");
    let [no, yes] = [no, yes].map(|probability| probability.parse::<f64>().unwrap());
    assert!((0.0..=1.0).contains(&no) && (0.0..=1.0).contains(&yes), "{csv}");
    assert!((no + yes - 1.0).abs() < 1e-6, "{csv}");
    assert_eq!(read["label"], label);
    assert_eq!(read["probabilities"]["NO"].as_f64(), Some(no));
    assert_eq!(read["probabilities"]["YES"].as_f64(), Some(yes));
    assert_eq!(text, format!("Prediction: Is Airline delayed? => {label}"));
}

thread_local! {
    static PATHS: RefCell<Paths> = RefCell::new(Paths::new());
}

libfuzzer_sys::fuzz_target!(|row: &[u8]| {
    let found = PATHS.with_borrow_mut(|Paths(paths)| {
        paths.each_mut().map(|(scoring, other)| {
            let [alone] = outcomes(scoring, [row]);
            let expected = [other.clone(), alone.clone(), alone.clone(), other.clone()];
            assert_eq!(outcomes(scoring, [OTHER, row, row, OTHER]), expected);
            alone
        })
    });
    match found {
        [Ok(json), Ok(csv), Ok(text)] => check_prediction(json, csv, text),
        [Err(json), Err(csv), Err(text)] => {
            assert!(json == csv && csv == text, "{json}, {csv}, {text}");
            check_rejection(&json);
        }
        _ => panic!("scored in one format and not in another"),
    }
});
