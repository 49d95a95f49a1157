//! A model straight from LightGBM, described by `scripts/train/pack`: it loads, and scores the bundled flights as
//! onnxruntime does from features that pandas made.

use flight_delay_scorer::flight::RowReader;
use flight_delay_scorer::model::Model;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Two units in the last place of a float near 1.
const TOLERANCE: f64 = 1.2e-7;

fn path(relative: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(relative)
}

#[test]
fn a_packed_model_scores_the_bundled_flights_as_onnxruntime_does() {
    let model = Arc::new(Model::load(&path("tests/fixtures/packed/small.onnx")).unwrap());
    let metadata = model.metadata();
    assert_eq!((metadata.name.as_str(), metadata.positive_label()), ("small", "YES"));
    assert!(metadata.golden.rows.len() >= 12);
    let profile = metadata.profile.as_ref().unwrap();
    // Three of the 3,600 rows cannot be read by any model, another has no scheduled departure that could be.
    assert_eq!(profile.rows, 3596);

    let flights = std::fs::read_to_string(path("src/sample/flights.csv")).unwrap();
    let flights: Vec<_> = flights.lines().collect();
    let expected = std::fs::read_to_string(path("tests/fixtures/packed/expected.csv")).unwrap();
    let mut scorer = model.scorer().unwrap();
    let mut reader = RowReader::default();
    let mut wanted = vec![];
    for line in expected.lines() {
        let (number, score) = line.split_once(',').unwrap();
        let number: usize = number.parse().unwrap();
        wanted.push((number, score.parse::<f64>().unwrap()));
        let row = reader.read(flights[number - 1].as_bytes()).unwrap();
        scorer.push(&row).unwrap();
    }
    assert!(wanted.len() > 350, "only {} rows", wanted.len());
    let scores = scorer.score().unwrap();
    for (prediction, (line, wanted)) in scores.iter().zip(wanted) {
        let got = prediction.positive().to_f64();
        assert!((got - wanted).abs() <= TOLERANCE, "line {line}: {got}, not {wanted}");
    }
}
