//! `demo`: what a newcomer sees.

use crate::program::run;

/// The figures are those of scikit-learn on the probabilities that onnxruntime gives both models' rows of the bundled
/// sample: AUC 0.51439 and 0.66366, Brier score 0.26062 and 0.22508, log loss 0.71694 and 0.64174, accuracy 0.51071 and
/// 0.61391.
#[test]
fn the_demo_shows_the_originals_block_and_ends_with_both_models_quality() {
    let run = run(&["demo"], b"").exits(0);
    let digits = "Class probabilities: 0.4319916897116479,0.5680083102883521";
    let run = run.says(digits).says("0 lost, 0 duplicated, 0 out of order, 0 wrong");
    let table = run.stdout.split("\n\n").last().unwrap_or_default();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    for expected in [
        "airline-gbm nyc-2013-gbm",
        "rows 3595 3595",
        "AUC 0.5144 ± 0.0058 0.6636 ± 0.0008",
        "Brier score 0.2606 0.2251",
        "log loss 0.7169 0.6417",
        "accuracy 51.07 % 61.39 %",
    ] {
        let found = table.lines().any(|line| words(line) == words(expected));
        assert!(found, "{expected:?} is not in\n{table}");
    }
    assert!(table.contains("AUC difference     +0.149"), "{table}");
}
