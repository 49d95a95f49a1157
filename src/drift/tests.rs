//! Against numpy, and by hand.

use super::*;
use crate::model::{Features, Model};

#[test]
fn the_shipped_model_has_a_reference() {
    let model = Model::embedded().unwrap();
    let reference = Reference::new(model.metadata()).unwrap();
    let mut counts = reference.counts();
    let mut row = [f64::NAN; 11];
    row[0] = 1987.0;
    reference.observe(Features::F64(&row), &mut counts);
    reference.observe_score(0.5, &mut counts);
    let drifts = reference.drifts(&counts);
    let names: Vec<_> = drifts.iter().map(|drift| drift.name.as_str()).collect();
    let expected = [
        "Year",
        "Month",
        "DayofMonth",
        "DayOfWeek",
        "CRSDepTime",
        "UniqueCarrier",
        "Origin",
        "Dest",
        "score",
    ];
    assert_eq!(names, expected);
    for drift in &drifts {
        eprintln!("{drift:?}");
        assert_eq!((drift.rows, drift.psi), (1, None), "{}", drift.name);
        assert_eq!(
            drift.missing,
            u64::from(drift.name != "Year" && drift.name != "score"),
            "{}",
            drift.name
        );
    }
}
