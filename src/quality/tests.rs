//! Against scikit-learn and numpy, by hand, and properties.

use super::*;
use proptest::prelude::*;
use serde_json::Value;
use std::time::{Duration, Instant};

/// Made by `scripts/train/quality_cases.py`.
const CASES: &str = include_str!("../../tests/fixtures/quality.json");

/// What sums of some hundred doubles may differ by for their order.
const ROUNDING: f64 = 1e-12;

fn cases(kind: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(CASES).unwrap();
    let cases = all[kind].as_array().unwrap().clone();
    assert!(!cases.is_empty());
    cases
}

fn numbers(value: &Value) -> Vec<f64> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|value| value.as_f64().unwrap())
        .collect()
}

fn truths(value: &Value) -> Vec<Option<bool>> {
    let truth = |value: &Value| value.as_u64().map(|truth| truth == 1);
    value.as_array().unwrap().iter().map(truth).collect()
}

fn near(got: f64, expected: &Value, tolerance: f64, what: &str) {
    let expected = expected.as_f64().unwrap();
    assert!((got - expected).abs() <= tolerance, "{what}: {got}, not {expected}");
}

fn tally_of(rows: &[(f64, bool)], threshold: f64) -> Tally {
    let mut tally = Tally::default();
    for &(score, truth) in rows {
        tally.observe(score, score >= threshold, truth);
    }
    tally
}

#[test]
fn figures_are_those_of_scikit_learn() {
    for case in cases("tallies") {
        let name = case["name"].as_str().unwrap();
        let truth = truths(&case["truth"]).into_iter().map(Option::unwrap);
        let rows: Vec<_> = numbers(&case["scores"]).into_iter().zip(truth).collect();
        let figures = tally_of(&rows, case["threshold"].as_f64().unwrap()).figures().unwrap();
        assert_eq!(figures.rows, rows.len() as u64, "{name}");
        assert_eq!(
            figures.positives,
            rows.iter().filter(|row| row.1).count() as u64,
            "{name}"
        );
        match figures.auc {
            None => assert!(case["auc"].is_null(), "{name}"),
            Some(auc) => {
                near(auc.value, &case["auc"], auc.bound + ROUNDING, name);
                near(auc.value, &case["auc_binned"], ROUNDING, name);
                assert!(auc.bound < 0.51, "{name}: {auc:?}");
            }
        }
        near(figures.brier, &case["brier"], ROUNDING, name);
        near(figures.log_loss, &case["log_loss"], ROUNDING, name);
        near(figures.accuracy, &case["accuracy"], ROUNDING, name);
        near(figures.calibration_error, &case["calibration_error"], ROUNDING, name);
        let confusion = figures.confusion;
        let by_verdict = [
            confusion.true_positives,
            confusion.false_positives,
            confusion.true_negatives,
            confusion.false_negatives,
        ];
        assert_eq!(serde_json::json!(by_verdict), case["confusion"], "{name}");
        let bins = figures.calibration.iter();
        assert_eq!(bins.len(), numbers(&case["mean_score"]).len(), "{name}");
        for (position, bin) in bins.enumerate() {
            near(bin.mean_score, &case["mean_score"][position], ROUNDING, name);
            near(bin.observed_rate, &case["observed_rate"][position], ROUNDING, name);
            assert!(
                bin.lower <= bin.mean_score && bin.mean_score <= bin.upper + ROUNDING,
                "{name}"
            );
        }
    }
}

#[test]
fn the_auc_of_scores_that_are_not_near_each_other_is_exact() {
    for case in cases("tallies") {
        let name = case["name"].as_str().unwrap();
        if name.contains("ties") || name.contains("perfect") || name.contains("certain") {
            let truth = truths(&case["truth"]).into_iter().map(Option::unwrap);
            let rows: Vec<_> = numbers(&case["scores"]).into_iter().zip(truth).collect();
            near(
                tally_of(&rows, 0.5).figures().unwrap().auc.unwrap().value,
                &case["auc"],
                ROUNDING,
                name,
            );
        }
    }
}

#[test]
fn the_difference_of_two_models_is_that_of_delong() {
    for case in cases("comparisons") {
        let name = case["name"].as_str().unwrap();
        let threshold = numbers(&case["thresholds"]);
        let (left, right) = (numbers(&case["champion"]), numbers(&case["challenger"]));
        let (mut comparison, mut champion, mut challenger) = <(Comparison, Tally, Tally)>::default();
        for ((&left, &right), truth) in left.iter().zip(&right).zip(truths(&case["truth"])) {
            let verdict = |score, threshold| Verdict {
                score,
                positive: score >= threshold,
            };
            let (left, right) = (verdict(left, threshold[0]), verdict(right, threshold[1]));
            comparison.observe(left, right, truth);
            if let Some(truth) = truth {
                champion.observe(left.score, left.positive, truth);
                challenger.observe(right.score, right.positive, truth);
            }
        }
        let figures = comparison.figures().unwrap();
        assert_eq!(figures.rows, left.len() as u64, "{name}");
        near(figures.agreement, &case["agreement"], ROUNDING, name);
        if case["error_binned"].is_null() {
            assert_eq!(figures.auc_difference, None, "{name}");
            continue;
        }
        let difference = figures.auc_difference.unwrap();
        let (champion, challenger) = (champion.figures().unwrap(), challenger.figures().unwrap());
        let (champion, challenger) = (champion.auc.unwrap(), challenger.auc.unwrap());
        assert_eq!(difference.value, challenger.value - champion.value, "{name}");
        let bound = champion.bound + challenger.bound;
        near(difference.value, &case["difference"], bound + ROUNDING, name);
        // 1.96 standard errors to either side.
        let errors = (difference.high - difference.low) / 2.0 / 1.959963984540054;
        near(errors, &case["error_binned"], ROUNDING, name);
        near(errors, &case["error"], 0.05 * errors, name);
        let middle = (difference.high + difference.low) / 2.0;
        assert!((middle - difference.value).abs() < ROUNDING, "{name}");
    }
}

#[test]
fn too_little_for_a_figure_is_none() {
    let mut tally = Tally::default();
    tally.observe(f64::NAN, true, true);
    assert_eq!(tally.figures(), None);
    let mut comparison = Comparison::default();
    let verdict = |score| Verdict { score, positive: true };
    comparison.observe(verdict(f64::NAN), verdict(0.5), Some(true));
    comparison.observe(verdict(0.5), verdict(f64::NAN), None);
    assert_eq!(comparison.figures(), None);
    for (score, truth) in [(0.2, None), (0.2, Some(true)), (0.4, Some(true)), (0.3, Some(false))] {
        comparison.observe(verdict(score), verdict(score), truth);
        assert_eq!(comparison.figures().unwrap().auc_difference, None);
    }
    comparison.observe(verdict(0.1), verdict(0.3), Some(false));
    assert!(comparison.figures().unwrap().auc_difference.is_some());
}

#[test]
fn scores_beyond_0_and_1_are_the_nearer_of_them() {
    let far = tally_of(&[(-0.5, false), (f64::INFINITY, true), (1.25, false)], 0.5);
    assert_eq!(far, tally_of(&[(0.0, false), (1.0, true), (1.0, false)], 0.5));
    // Of two pairs one is in order and one is equal.
    assert_eq!(far.figures().unwrap().auc.unwrap().value, 0.75);
}

#[test]
fn the_shown_bins_add_up_to_the_auc_of_two_instances() {
    let one = tally_of(&[(0.0, false), (0.02, true), (0.021, false), (0.7, true)], 0.5);
    let other = tally_of(&[(0.69, false), (0.7, true), (1.0, true), (0.1, false)], 0.5);
    let bins: Vec<_> = one.bins().zip(other.bins()).collect();
    assert_eq!(bins.len(), 50);
    assert_eq!((bins[0].0.upper, bins[49].0.upper), (0.02, 1.0));
    let first = ScoreBin {
        upper: 0.02,
        positives: 1,
        negatives: 1,
        negatives_below: 0,
    };
    assert_eq!(bins[0].0, first);
    // As in PromQL: by bin, summed over instances.
    let (mut ordered, mut positives, mut negatives) = (0.0, 0, 0);
    for (one, other) in &bins {
        let bin_negatives = one.negatives + other.negatives;
        let below = (one.negatives_below + other.negatives_below) as f64 + bin_negatives as f64 / 2.0;
        ordered += (one.positives + other.positives) as f64 * below;
        positives += one.positives + other.positives;
        negatives += bin_negatives;
    }
    // Positives at 0.02, 0.7, 0.7 and 1; negatives at 0, 0.021, 0.1 and 0.69: three pairs are in the wrong order, one
    // is in one bin, and so are the two of 0.7 with 0.69.
    assert_eq!(
        ordered / (positives * negatives) as f64,
        (16.0 - 3.0 - 0.5 - 1.0) / 16.0
    );
}

#[test]
fn the_sums_of_scores_add_up_to_the_calibration_of_two_instances() {
    let one = tally_of(&[(0.0, false), (0.0625, true), (0.125, false), (0.75, true)], 0.5);
    let other = tally_of(
        &[(0.1, true), (0.6875, false), (0.75, true), (1.0, true), (1.5, false)],
        0.5,
    );
    let sums: Vec<_> = one.score_sums().zip(other.score_sums()).collect();
    let bounds: Vec<_> = sums.iter().map(|(one, _)| one.0).collect();
    assert_eq!(bounds, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]);
    let both: Vec<_> = sums.iter().map(|(one, other)| one.1 + other.1).collect();
    assert_eq!(both, [0.1625, 0.125, 0.0, 0.0, 0.0, 0.0, 0.6875, 1.5, 0.0, 2.0]);
}

#[test]
fn sizes_are_constant() {
    // Cells of the histograms, 16 bytes each, and what stands beside them.
    assert!(size_of::<Tally>() <= 192, "{}", size_of::<Tally>());
    assert!(size_of::<Comparison>() <= 96, "{}", size_of::<Comparison>());
    let tally = 1_000 * 16 + size_of::<Tally>();
    let comparison = (2 * 1_000 + 64 * 64) * 16 + size_of::<Comparison>();
    let slots = Sliding::<Tally>::SLOTS + 1;
    // A worker with a challenger: a tally for each model, and their comparison.
    assert!(slots * (2 * tally + comparison) < 2_000_000);
}

fn rows() -> impl Strategy<Value = Vec<(f64, bool)>> {
    let score = prop_oneof![4 => 0.0..=1.0, 1 => (0..=50).prop_map(|step| f64::from(step) / 50.0)];
    prop::collection::vec((score, any::<bool>()), 0..200)
}

/// Counts alike to the last, sums but for rounding.
fn assert_alike(got: &Tally, expected: &Tally) {
    assert_eq!(got.bins().collect::<Vec<_>>(), expected.bins().collect::<Vec<_>>());
    assert_eq!(got.confusion(), expected.confusion());
    match (got.figures(), expected.figures()) {
        (Some(got), Some(expected)) => {
            assert_eq!((got.auc, got.accuracy), (expected.auc, expected.accuracy));
            assert!((got.brier - expected.brier).abs() < ROUNDING);
            assert!((got.log_loss - expected.log_loss).abs() < 1e-13 * (1.0 + expected.log_loss) * 100.0);
            assert!((got.calibration_error - expected.calibration_error).abs() < ROUNDING);
        }
        (got, expected) => assert_eq!(got, expected),
    }
}

proptest! {
    #[test]
    fn tallies_added_are_the_tally_of_all(one in rows(), other in rows()) {
        let mut sum = tally_of(&one, 0.4);
        sum.add(&tally_of(&other, 0.4));
        let all: Vec<_> = one.iter().chain(&other).copied().collect();
        assert_alike(&sum, &tally_of(&all, 0.4));
        let backwards: Vec<_> = all.iter().rev().copied().collect();
        assert_alike(&tally_of(&backwards, 0.4), &sum);
    }

    #[test]
    fn the_auc_of_all_pairs_is_within_the_bound(rows in rows()) {
        let of = |truth| rows.iter().filter(move |row| row.1 == truth).map(|row| row.0);
        let pairs = of(true).flat_map(|positive| of(false).map(move |negative| (positive, negative)));
        let order = pairs.map(|(positive, negative)| match positive.total_cmp(&negative) {
            std::cmp::Ordering::Greater => 1.0,
            std::cmp::Ordering::Equal => 0.5,
            std::cmp::Ordering::Less => 0.0,
        });
        let order: Vec<f64> = order.collect();
        if let Some(auc) = tally_of(&rows, 0.5).figures().and_then(|figures| figures.auc) {
            let exact = order.iter().sum::<f64>() / order.len() as f64;
            prop_assert!((auc.value - exact).abs() <= auc.bound + ROUNDING, "{auc:?}, not {exact}");
        } else {
            prop_assert!(order.is_empty());
        }
    }

    #[test]
    fn comparisons_added_are_the_comparison_of_all(rows in rows(), cut in 0..200usize) {
        let (mut all, mut first, mut second) = <(Comparison, Comparison, Comparison)>::default();
        for (position, &(score, truth)) in rows.iter().enumerate() {
            let verdict = |score| Verdict { score, positive: score > 0.5 };
            let part = if position < cut { &mut first } else { &mut second };
            for comparison in [&mut all, part] {
                comparison.observe(verdict(score), verdict(score * score), truth.then_some(score > 0.3));
            }
        }
        first.add(&second);
        prop_assert_eq!(first, all);
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// Time passes in leaps up to more than the window; what was observed in a slot that began within the window is in
    /// it, and the total is never less than it was, to the last bit.
    #[test]
    fn a_total_has_all_and_a_window_the_latest(steps in prop::collection::vec((0u64..300, 0.0..=1.0), 1..120)) {
        let window = Duration::from_secs(1_200);
        let (mut sliding, mut all) = (Sliding::<Tally>::new(window), Tally::default());
        let mut now = Instant::now();
        let (mut begun, mut slots) = (None, Vec::new());
        let (mut squares, mut logarithms, mut sums) = (0.0, 0.0, vec![0.0; 10]);
        for (seconds, score) in steps {
            now += Duration::from_secs(seconds);
            if begun.is_none_or(|begun| now - begun >= window / 12) {
                begun = Some(now);
                slots.push((now, Tally::default()));
            }
            let slot = &mut slots.last_mut().unwrap().1;
            for tally in [sliding.current(now), &mut all, slot] {
                tally.observe(score, true, seconds % 2 == 0);
            }
            let total = sliding.total();
            assert_alike(&total, &all);
            prop_assert!(total.squared_error() >= squares && total.log_loss() >= logarithms);
            let now_summed: Vec<_> = total.score_sums().map(|(_, sum)| sum).collect();
            prop_assert!(now_summed.iter().zip(&sums).all(|(now, before)| now >= before));
            (squares, logarithms, sums) = (total.squared_error(), total.log_loss(), now_summed);
            let mut latest = Tally::default();
            slots.iter().filter(|(begun, _)| now - *begun < window).for_each(|(_, slot)| latest.add(slot));
            prop_assert_eq!(sliding.window(now), latest);
        }
        prop_assert_eq!(sliding.window(now + window), Tally::default());
        assert_alike(&sliding.total(), &all);
    }
}
