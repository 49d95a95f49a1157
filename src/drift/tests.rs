//! Against numpy, by hand, and properties.

use super::bins;
use super::*;
use crate::model::{Features, Metadata, Model};
use crate::quality::{Accumulate, Sliding};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Made by `scripts/train/quality_cases.py`.
const CASES: &str = include_str!("../../tests/fixtures/quality.json");

#[test]
fn indexes_are_those_of_numpy() {
    let all: Value = serde_json::from_str(CASES).unwrap();
    let cases = all["indexes"].as_array().unwrap();
    assert!(!cases.is_empty());
    for case in cases {
        let counts = |key: &str| -> Vec<u64> { serde_json::from_value(case[key].clone()).unwrap() };
        let (trained, rows) = (counts("trained"), counts("rows"));
        let names = vec![String::new(); rows.len()];
        let drift = Drift::new("x", &names, &trained, &rows, case["looked_at"].as_u64().unwrap());
        let (got, expected) = (drift.psi.unwrap(), case["psi"].as_f64().unwrap());
        assert!(
            (got - expected).abs() < 1e-12,
            "{}: {got}, not {expected}",
            case["name"]
        );
        assert_eq!((drift.rows, drift.missing), (rows.iter().sum(), rows[rows.len() - 1]));
        assert_eq!(drift.bins.iter().map(|bin| bin.rows).collect::<Vec<_>>(), rows);
    }
}

#[test]
fn too_few_rows_and_an_empty_profile_have_no_index() {
    let names = ["a", "b", "(missing)"].map(str::to_owned);
    let few = Drift::new("x", &names, &[5, 5, 0], &[999, 0, 0], 999);
    assert_eq!(few.psi, None);
    assert_eq!(Drift::new("x", &names, &[5, 5, 0], &[3_996, 0, 0], 999).psi, None);
    assert_eq!((few.bins[0].expected, few.bins[0].rows), (0.5, 999));
    assert!(Drift::new("x", &names, &[5, 5, 0], &[1_000, 0, 0], 1_000).psi.is_some());
    let empty = Drift::new("x", &names, &[0, 0, 0], &[1_000, 0, 0], 1_000);
    assert_eq!((empty.psi, empty.bins[0].expected), (None, 0.0));
    // A profile is JSON that somebody wrote.
    assert!(
        Drift::new("x", &names, &[u64::MAX, u64::MAX, 0], &[1_000, 0, 0], 1_000)
            .psi
            .unwrap()
            .is_finite()
    );
}

fn metadata(features: Value, profiles: Value) -> Metadata {
    let golden = json!({"row": "", "probabilities": [0.25, 0.75]});
    let json = json!({
        "name": "m", "version": "1", "features": features,
        "labels": ["NO", "YES"], "positive": "YES", "threshold": 0.5,
        "golden": {"tolerance": 0.0, "rows": vec![golden; 8]},
        "profile": {"rows": 4, "features": profiles, "score": {"edges": [0.25, 0.5], "counts": [2, 1, 1]}},
    });
    Metadata::from_json(json.to_string().as_bytes()).unwrap()
}

/// The rows by bin of each feature and of the score.
fn rows_by_bin(reference: &Reference, counts: &Counts) -> Vec<(String, Vec<u64>)> {
    let rows = |drift: Drift| (drift.name, drift.bins.iter().map(|bin| bin.rows).collect());
    reference.drifts(counts).into_iter().map(rows).collect()
}

#[test]
fn values_are_counted_where_they_belong() {
    let metadata = metadata(
        json!([
            {"name": "Wait", "column": "ArrDelay", "type": "numeric"},
            {"name": "Never", "column": "FlightNum", "type": "numeric", "always_missing": true},
            {"name": "From", "column": "Origin", "type": "categorical", "values": ["SAN", "SFO"]},
            {"name": "Unknown", "column": "Dest", "type": "categorical", "values": ["SFO"]},
            {"name": "Far", "column": "Distance", "type": "numeric"},
            {"name": "Year", "column": "Year", "type": "numeric"},
        ]),
        json!([
            // Bounds beyond the column and between whole numbers are allowed.
            {"name": "Far", "missing": 0, "edges": [-1e300, 10.5, 1e300], "counts": [0, 3, 1, 0]},
            {"name": "Wait", "missing": 0, "edges": [-5.0, 0.0, 15.0], "counts": [1, 1, 1, 1]},
            {"name": "Never", "missing": 4, "edges": [], "counts": [0]},
            {"name": "From", "missing": 1, "counts": [2, 1]},
            {"name": "Year", "missing": 1, "edges": [], "counts": [3]},
        ]),
    );
    let nan = f64::NAN;
    let rows = [
        [-9999.0, nan, 0.0, nan, 10.0, 1987.0],
        [-6.0, nan, 1.0, nan, 11.0, 2100.0],
        [-5.0, nan, 1.0, nan, 0.0, nan],
        [-1.0, nan, 1.0, nan, 99_999.0, 2000.0],
        [0.0, nan, nan, nan, nan, 2000.0],
        [14.0, nan, nan, nan, 1.0, 2000.0],
        [15.0, nan, 0.0, nan, 1.0, 2000.0],
        [9999.0, nan, 0.0, nan, 1.0, 2000.0],
        [nan, nan, 0.0, nan, 1.0, 2000.0],
    ];
    let scores = [0.0, 0.249, 0.25, 0.5, 1.0, nan, nan, nan, nan];
    let reference = Reference::new(&metadata).unwrap();
    let mut counts = Counts::default();
    reference.observe(Features::F64(rows.as_flattened()), |row| scores[row], &mut counts);
    let expected = [
        ("Far", vec![0, 6, 2, 0, 1]),
        ("Wait", vec![2, 2, 2, 2, 1]),
        ("From", vec![4, 3, 2]),
        ("Year", vec![8, 1]),
        ("score", vec![2, 1, 2, 4]),
    ];
    let expected = expected.map(|(name, rows)| (name.to_owned(), rows));
    assert_eq!(rows_by_bin(&reference, &counts), expected);
    let wait: Vec<_> = reference.drifts(&counts).swap_remove(1).bins;
    let names: Vec<_> = wait.iter().map(|bin| bin.name.as_str()).collect();
    assert_eq!(names, ["< -5", "-5 to < 0", "0 to < 15", ">= 15", "(missing)"]);

    let single: Vec<f32> = rows.as_flattened().iter().map(|&value| value as f32).collect();
    let mut of_single = Counts::default();
    reference.observe(Features::F32(&single), |row| scores[row], &mut of_single);
    assert_eq!(of_single, counts, "counts that were empty fit");
    of_single.add(&counts);
    assert_eq!(rows_by_bin(&reference, &of_single)[2].1, [8, 6, 4]);
}

/// A feature of the values 0 to 3, each in a bin of its own, and another that stands before it.
fn four_values() -> Reference {
    let metadata = metadata(
        json!([
            {"name": "Never", "column": "FlightNum", "type": "numeric", "always_missing": true},
            {"name": "Wait", "column": "ArrDelay", "type": "numeric"},
        ]),
        json!([{"name": "Wait", "missing": 0, "edges": [1.0, 2.0, 3.0], "counts": [1, 1, 1, 1]}]),
    );
    Reference::new(&metadata).unwrap()
}

/// So many rows, which have the values 0 to 3 in turn.
fn in_turn(rows: usize) -> Vec<f64> {
    (0..rows).flat_map(|row| [f64::NAN, (row % 4) as f64]).collect()
}

fn waits(reference: &Reference, counts: &Counts) -> Vec<u64> {
    rows_by_bin(reference, counts).swap_remove(0).1
}

#[test]
fn small_batches_are_counted_in_full() {
    let (reference, mut counts) = (four_values(), Counts::default());
    reference.observe(Features::F64(&[]), |_| 0.3, &mut counts);
    reference.observe(Features::F64(&in_turn(63)), |_| 0.3, &mut counts);
    assert_eq!(waits(&reference, &counts), [16, 16, 16, 15, 0]);
    reference.observe(Features::F64(&in_turn(64)), |_| 0.3, &mut counts);
    assert_eq!(waits(&reference, &counts), [32, 32, 32, 31, 0]);
    assert_eq!(counts.looked_at(), 127);
}

#[test]
fn of_large_batches_every_fourth_row_counts_for_four_from_a_row_that_moves_on() {
    let (reference, mut counts) = (four_values(), Counts::default());
    let mut expected = [0; 5];
    for first in 0..4 {
        // More than one block.
        reference.observe(Features::F64(&in_turn(1_500)), |_| 0.3, &mut counts);
        expected[first] = 1_500;
        assert_eq!(
            waits(&reference, &counts),
            expected,
            "a batch that begins with row {first}"
        );
        // Small ones between them change nothing about it.
        let (mut mixed, mut of_mixed) = (counts.clone(), expected);
        reference.observe(Features::F64(&in_turn(3)), |_| 0.3, &mut mixed);
        reference.observe(Features::F64(&in_turn(1_500)), |_| 0.3, &mut mixed);
        of_mixed[..3].iter_mut().for_each(|rows| *rows += 1);
        of_mixed[(first + 1) % 4] += 1_500;
        assert_eq!(waits(&reference, &mixed), of_mixed);
    }
    assert_eq!(counts.looked_at(), 1_500);
    let single: Vec<f32> = in_turn(1_500).iter().map(|&value| value as f32).collect();
    let mut of_single = Counts::default();
    (0..4).for_each(|_| reference.observe(Features::F32(&single), |_| 0.3, &mut of_single));
    assert_eq!(of_single, counts);
    of_single.add(&counts);
    assert_eq!(
        (waits(&reference, &of_single)[2], of_single.looked_at()),
        (3_000, 3_000)
    );
}

#[test]
fn there_is_an_index_from_1000_rows_looked_at_on() {
    let (reference, mut counts) = (four_values(), Counts::default());
    let mut index_of = |rows| {
        reference.observe(Features::F64(&in_turn(rows)), |_| 0.3, &mut counts);
        let drifts = reference.drifts(&counts).into_iter();
        drifts.map(|drift| drift.psi.is_some()).collect::<Vec<_>>()
    };
    assert_eq!(index_of(3_996), [false, false]);
    assert_eq!(index_of(1), [true, true]);
}

#[test]
fn counts_slide() {
    let metadata = metadata(
        json!([{"name": "Year", "column": "Year", "type": "numeric"}]),
        json!([]),
    );
    let reference = Reference::new(&metadata).unwrap();
    let mut sliding = Sliding::<Counts>::new(Duration::from_secs(60));
    let start = Instant::now();
    for second in 0..200 {
        let counts = sliding.current(start + Duration::from_secs(second));
        reference.observe(Features::F64(&[2000.0]), |_| 0.3, counts);
    }
    assert_eq!(rows_by_bin(&reference, &sliding.total())[0].1, [0, 200, 0, 0]);
    let window = sliding.window(start + Duration::from_secs(199));
    assert_eq!(rows_by_bin(&reference, &window)[0].1, [0, 60, 0, 0]);
    let later = sliding.window(start + Duration::from_secs(500));
    assert_eq!(rows_by_bin(&reference, &later)[0].1, [0, 0, 0, 0]);
}

#[test]
fn a_model_without_a_profile_has_no_reference() {
    let mut metadata = metadata(
        json!([{"name": "Year", "column": "Year", "type": "numeric"}]),
        json!([]),
    );
    metadata.profile = None;
    assert!(Reference::new(&metadata).is_none());
}

#[test]
fn the_shipped_model_has_one() {
    let model = Model::embedded().unwrap();
    let reference = Reference::new(model.metadata()).unwrap();
    let drifts = reference.drifts(&Counts::default());
    let bins: Vec<_> = drifts
        .iter()
        .map(|drift| (drift.name.as_str(), drift.bins.len()))
        .collect();
    // Years, days and hours of departure are taken together, airports beyond the 19 commonest, too.
    let expected = [
        ("Year", 21),
        ("Month", 13),
        ("DayofMonth", 20),
        ("DayOfWeek", 8),
        ("CRSDepTime", 17),
        ("UniqueCarrier", 11),
        ("Origin", 21),
        ("Dest", 21),
        ("score", 21),
    ];
    assert_eq!(bins, expected);
    for drift in drifts {
        let total: f64 = drift.bins.iter().map(|bin| bin.expected).sum();
        assert!((total - 1.0).abs() < 1e-12, "{}: {total}", drift.name);
    }
}

#[test]
fn rare_categories_are_taken_together() {
    let values: Vec<_> = (0..30).map(|value| format!("v{value}")).collect();
    let profile = crate::model::FeatureProfile {
        name: "x".to_owned(),
        missing: 7,
        edges: vec![],
        // The ten even ones from 10 on, then the odd ones from 11 on but 29: of 1 each, the earlier first.
        counts: (0..30)
            .map(|value| {
                if value < 10 {
                    0
                } else if value % 2 == 0 {
                    100
                } else {
                    1
                }
            })
            .collect(),
    };
    let (table, bins) = bins::categorical(&values, &profile);
    assert_eq!(bins.names.len(), 21);
    assert_eq!(bins.names[..3], ["v10", "v11", "v12"]);
    assert_eq!(bins.names[18..], ["v28", "(other)", "(missing)"]);
    assert_eq!(bins.counts[18..], [100, 1, 7]);
    assert_eq!((table[0], table[10], table[28], table[29]), (19, 0, 18, 19));
    let (table, bins) = bins::categorical(&values[..20], &profile);
    assert_eq!((bins.names.len(), table[19]), (21, 19));
    assert_eq!(bins.names[19..], ["v19", "(missing)"]);
}

proptest! {
    #[test]
    fn the_rows_of_a_feature_are_those_of_the_batches_but_for_3_each(
        batches in prop::collection::vec(0..700usize, 1..9),
    ) {
        let (reference, mut counts) = (four_values(), Counts::default());
        for rows in batches {
            let sum = |counts: &Counts| waits(&reference, counts).iter().sum::<u64>();
            let before = (sum(&counts), counts.looked_at());
            reference.observe(Features::F64(&in_turn(rows)), |_| 0.3, &mut counts);
            let (counted, looked_at) = (sum(&counts) - before.0, counts.looked_at() - before.1);
            if rows > 64 {
                prop_assert!(counted.abs_diff(rows as u64) <= 3, "{counted} of {rows}");
                prop_assert_eq!(counted, 4 * looked_at);
            } else {
                prop_assert_eq!((counted, looked_at), (rows as u64, rows as u64));
            }
        }
    }

    #[test]
    fn neighbours_taken_together_keep_every_row(
        counts in prop::collection::vec(prop_oneof![Just(0u64), 0..1_000u64], 1..80),
        missing in 0..10u64,
    ) {
        let edges: Vec<_> = (1..counts.len()).map(|edge| edge as f64).collect();
        let (bounds, bins) = bins::numeric(&edges, &counts, missing);
        prop_assert_eq!(bounds.len() + 2, bins.counts.len());
        prop_assert_eq!(bins.names.len(), bins.counts.len());
        prop_assert!(bins.counts.len() <= bins::MOST + 1);
        prop_assert_eq!(bins.counts.last(), Some(&missing));
        if counts.len() <= bins::MOST {
            prop_assert_eq!(&bounds, &edges);
        }
        let mut lower = 0;
        let total: u64 = counts.iter().sum();
        for (bin, rows) in bins.counts[..bins.counts.len() - 1].iter().enumerate() {
            let upper = bounds.get(bin).map_or(counts.len(), |&bound| bound as usize);
            prop_assert_eq!(counts[lower..upper].iter().sum::<u64>(), *rows);
            // At most two twentieths but for what a single bin of training brings.
            let most = counts[lower..upper].iter().max().copied().unwrap_or(0);
            prop_assert!(*rows <= total / 10 + most + 1, "{rows} of {total} in {lower}..{upper}");
            lower = upper;
        }
    }
}
