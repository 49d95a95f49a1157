//! Observers on the bundled sample, against what a plain reading of the rows says.

use super::{Monitors, Observer, Snapshot};
use crate::lineup::{self, Lineup, Role};
use crate::model::Model;
use crate::output::Format;
use crate::sample;
use crate::scoring::Scoring;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

fn embedded() -> Arc<Model> {
    lineup::open(Path::new("")).unwrap()
}

const FAILING: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/fixtures/challenger/fails-on-sunday.onnx"
);

/// A model that looks the day of the week up, and has none for Sunday.
fn fails_on_sunday() -> Arc<Model> {
    lineup::open(Path::new(FAILING)).unwrap()
}

/// The same look-up by flight number, which must then be one.
fn reads_flight_numbers() -> Arc<Model> {
    let onnx = std::fs::read(FAILING).unwrap();
    let sidecar = std::fs::read_to_string(Path::new(FAILING).with_extension("json")).unwrap();
    let mut sidecar: serde_json::Value = serde_json::from_str(&sidecar).unwrap();
    sidecar["features"][0]["column"] = "FlightNum".into();
    for golden in sidecar["golden"]["rows"].as_array_mut().unwrap() {
        let row = golden["row"].as_str().unwrap();
        let day = row.split(',').nth(3).unwrap();
        golden["row"] = row.replace(",1451,", &format!(",{day},")).into();
    }
    let sidecar = sidecar.to_string();
    Arc::new(Model::from_bytes(&onnx, Some(sidecar.as_bytes()), "by flight number").unwrap())
}

/// Scores the rows in batches as a worker does, one half by each of two workers. The batches are so small that all rows
/// of them are looked at for drift.
fn watch(lineup: &Lineup, rows: &[&str]) -> (Monitors, Snapshot) {
    let monitors = Monitors::new(2, Duration::from_secs(3600));
    for (index, half) in rows.chunks(rows.len().div_ceil(2)).enumerate() {
        let mut scoring = Scoring::new(&lineup.champion, Format::Json).unwrap();
        let mut observer = Observer::new(monitors.of_worker(index).unwrap(), lineup);
        for batch in half.chunks(50) {
            scoring.clear();
            observer.clear();
            for row in batch {
                // The sample has broken rows.
                let _ = scoring.push_seen(row.as_bytes(), |row| observer.push(row));
            }
            observer.scored(scoring.score().unwrap().scores());
            observer.unknown_categories(scoring.scorer().unknown_categories());
        }
    }
    let snapshot = Snapshot::take(&monitors, lineup);
    (monitors, snapshot)
}

/// What a challenger that is the champion itself shows on the whole sample.
pub(crate) fn sample_against_itself() -> Snapshot {
    let lineup = Lineup {
        champion: embedded(),
        challenger: Some(embedded()),
    };
    watch(&lineup, &sample::rows().collect::<Vec<_>>()).1
}

/// Rows of the sample that are not broken, as fields.
fn plain() -> Vec<Vec<&'static str>> {
    let broken = [100, 500, 900, 1300, 1700];
    let rows = (1..).zip(sample::rows());
    let good = rows.filter(|(number, _)| !broken.contains(number));
    good.map(|(_, row)| row.split(',').collect()).collect()
}

#[test]
fn a_snapshot_adds_up_what_all_workers_scored() {
    let snapshot = sample_against_itself();
    let rows = plain();
    let late = rows.iter().filter(|fields| fields[30] == "YES").count() as u64;
    for role in Role::ALL {
        let figures = snapshot.model(role).unwrap().quality.figures().unwrap();
        assert_eq!((figures.rows, figures.positives), (rows.len() as u64, late));
    }
    let flights = snapshot.model(Role::Champion).unwrap().flights.as_ref().unwrap();
    let drift = flights
        .drift
        .iter()
        .find(|drift| drift.name == "UniqueCarrier")
        .unwrap();
    assert_eq!(drift.rows, rows.len() as u64);
    // Ten carriers are known, and others are missing.
    let known = ["AA", "AS", "CO", "DL", "HP", "PI", "PS", "TW", "UA", "US", "WN"];
    let metadata = embedded().metadata().clone();
    let carriers = metadata
        .features
        .iter()
        .find(|feature| feature.name == "UniqueCarrier")
        .unwrap();
    let crate::model::Input::Categorical(carriers) = &carriers.input else {
        panic!("the carrier is a category");
    };
    assert!(
        carriers.iter().all(|carrier| known.contains(&carrier.as_str())),
        "{carriers:?}"
    );
    let unknown = rows
        .iter()
        .filter(|fields| !carriers.iter().any(|known| known == fields[8]))
        .count() as u64;
    assert!(unknown > 1000);
    assert_eq!(drift.missing, unknown);
    let counted = flights
        .unknown
        .iter()
        .find(|(column, _)| column.name() == "UniqueCarrier");
    assert_eq!(counted.unwrap().1, unknown);
    // The flights of 2013 are not those of 1987 to 2008.
    let recent = flights.recent_drift.iter().find(|drift| drift.name == "Year").unwrap();
    assert!(recent.psi.unwrap() > 1.0);
    let comparison = snapshot.comparison.as_ref().unwrap().total.figures().unwrap();
    assert_eq!((comparison.rows, comparison.agreement), (rows.len() as u64, 1.0));
    assert_eq!(comparison.auc_difference.unwrap().value, 0.0);
    assert_eq!(snapshot.comparison.as_ref().unwrap().shadow.scored, rows.len() as u64);
    assert!(snapshot.comparison.as_ref().unwrap().shadow.seconds > 0.0);
}

#[test]
fn a_challenger_that_fails_is_put_aside_and_the_champion_goes_on() {
    let lineup = Lineup {
        champion: embedded(),
        challenger: Some(fails_on_sunday()),
    };
    let row = sample::rows().next().unwrap();
    let sunday = row.replacen(",14,3,", ",14,7,", 1);
    // Batches of 50: the first worker's challenger has the first two and fails on the third.
    let rows: Vec<&str> = (0..400)
        .map(|number| if number == 120 { sunday.as_str() } else { row })
        .collect();
    let (_, snapshot) = watch(&lineup, &rows);
    let seen = |role| snapshot.model(role).unwrap().quality.rows();
    assert_eq!(seen(Role::Champion), 400);
    assert_eq!(seen(Role::Challenger), 100 + 200, "the second worker met no Sunday");
    assert_eq!(
        (
            snapshot.comparison.as_ref().unwrap().shadow.scored,
            snapshot.comparison.as_ref().unwrap().shadow.failures
        ),
        (300, 1)
    );
}

#[test]
fn another_model_begins_anew_and_what_stays_goes_on() {
    let mut lineup = Lineup {
        champion: embedded(),
        challenger: None,
    };
    let rows: Vec<&str> = sample::rows().take(50).collect();
    let (monitors, before) = watch(&lineup, &rows);
    assert!(before.comparison.is_none());
    lineup.challenger = Some(fails_on_sunday());
    let _workers = [0, 1].map(|index| Observer::new(monitors.of_worker(index).unwrap(), &lineup));
    let after = Snapshot::take(&monitors, &lineup);
    assert_eq!(after.model(Role::Champion).unwrap().quality.rows(), 50);
    assert_eq!(after.model(Role::Challenger).unwrap().quality.rows(), 0);
    lineup.champion = fails_on_sunday();
    assert_eq!(
        Snapshot::take(&monitors, &lineup)
            .model(Role::Champion)
            .unwrap()
            .quality
            .rows(),
        0,
        "a worker that has not changed over is left out"
    );
}

#[test]
fn rows_that_only_the_challenger_cannot_read_are_left_out_of_its_figures() {
    let lineup = Lineup {
        champion: embedded(),
        challenger: Some(reads_flight_numbers()),
    };
    let row = sample::rows().next().unwrap();
    let rows = ["3", "14A", "5", "x"].map(|number| row.replace(",1451,", &format!(",{number},")));
    let (_, snapshot) = watch(&lineup, &rows.each_ref().map(String::as_str));
    let seen = |role| snapshot.model(role).unwrap().quality.confusion();
    assert_eq!(seen(Role::Champion).true_positives, 4);
    // The table says 3/8 and 5/8 to the numbers 3 and 5.
    let challenger = seen(Role::Challenger);
    assert_eq!((challenger.true_positives, challenger.false_negatives), (1, 1));
    assert_eq!(
        (
            snapshot.comparison.as_ref().unwrap().shadow.scored,
            snapshot.comparison.as_ref().unwrap().shadow.rejected
        ),
        (2, 2)
    );
    let comparison = snapshot.comparison.as_ref().unwrap().total.figures().unwrap();
    assert_eq!((comparison.rows, comparison.agreement), (2, 0.5));
}
