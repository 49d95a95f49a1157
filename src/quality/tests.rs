//! Against scikit-learn and numpy, and properties.

use super::*;

#[test]
fn a_tally_of_nothing_has_no_figures() {
    let mut tally = Tally::default();
    tally.observe(f64::NAN, true, true);
    assert_eq!(tally.figures(), None);
    assert_eq!(Comparison::default().figures(), None);
}

#[test]
fn four_rows_by_hand() {
    let mut tally = Tally::default();
    for (score, truth) in [(0.9, true), (0.8, false), (0.6, true), (0.1, false)] {
        tally.observe(score, score >= 0.7, truth);
    }
    let figures = tally.figures().unwrap();
    // Of the four pairs only 0.6 is below 0.8.
    assert_eq!(
        figures.auc.unwrap(),
        Auc {
            value: 0.75,
            bound: 0.0
        }
    );
    assert_eq!(figures.accuracy, 0.5);
    assert!((figures.brier - (0.01 + 0.64 + 0.16 + 0.01) / 4.0).abs() < 1e-15);
}
