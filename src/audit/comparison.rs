//! A published prediction held against what the model gives now.

use crate::model::{Metadata, Prediction, Probability};
use crate::output::Published;

/// How far a published prediction is from the one that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Equal,
    /// Some probability is the next float, or the next double for a model in double; nothing is farther away. Another
    /// processor's exponential function is enough for that.
    WithinOneUlp,
    /// What differs: what was published, and what came out.
    Different(Vec<String>),
}

/// `again` is `prediction` as this program publishes it.
pub fn compare(
    published: &Published<'_>,
    again: &Published<'_>,
    prediction: &Prediction<'_>,
    metadata: &Metadata,
) -> Verdict {
    let mut differences = Vec::new();
    let mut farthest = 0;
    if published.probabilities.len() != again.probabilities.len() {
        let (theirs, ours) = (published.probabilities.len(), again.probabilities.len());
        differences.push(format!("probabilities: {theirs} published, {ours} scored again"));
    }
    for (label, probability) in prediction.probabilities() {
        let text = text_of(published, label);
        match text.and_then(|text| ulps(text, probability)) {
            Some(distance @ 0..=1) => farthest = farthest.max(distance),
            _ => {
                let text = text.unwrap_or("none");
                differences.push(format!(
                    "probability of {label}: {text} published, {probability} scored again"
                ));
            }
        }
    }
    // On the threshold, the last digit decides.
    let follows = || farthest == 1 && follows(published, metadata);
    if published.label != prediction.label() && !follows() {
        let (theirs, ours) = (&published.label, prediction.label());
        differences.push(format!("label: {theirs} published, {ours} scored again"));
    }
    let threshold = published.threshold.and_then(|text| text.parse::<f64>().ok());
    if threshold != Some(metadata.threshold) {
        let (theirs, ours) = (published.threshold.unwrap_or("none"), metadata.threshold);
        differences.push(format!("threshold: {theirs} published, {ours} is the model's"));
    }
    if published.flight != again.flight {
        let (theirs, ours) = (&published.flight, &again.flight);
        differences.push(format!(
            "flight: {} published, {} in the input",
            flight(theirs),
            flight(ours)
        ));
    }
    if published.model != again.model {
        let name = published.model.as_ref().map_or("none", |model| &model.name);
        let ours = &metadata.name;
        differences.push(format!("model: {name} published, {ours} has this hash"));
    }
    match (differences.is_empty(), farthest) {
        (true, 0) => Verdict::Equal,
        (true, _) => Verdict::WithinOneUlp,
        (false, _) => Verdict::Different(differences),
    }
}

fn text_of<'p>(published: &Published<'p>, label: &str) -> Option<&'p str> {
    let position = published.labels.iter().position(|name| name == label)?;
    published.probabilities.get(position).copied()
}

/// How many floats, or doubles, a published number is away from a probability; `None` where one of the two is none.
fn ulps(text: &str, probability: Probability) -> Option<u64> {
    match probability {
        _ if text == "null" => (!probability.to_f64().is_finite()).then_some(0),
        Probability::F32(value) => {
            let published: f32 = text.parse().ok()?;
            let place = |value: f32| i64::from(value.to_bits() as i32);
            (value.is_finite() && published.is_finite()).then(|| apart(place(value), place(published), i32::MIN.into()))
        }
        Probability::F64(value) => {
            let published: f64 = text.parse().ok()?;
            let place = |value: f64| value.to_bits() as i64;
            (value.is_finite() && published.is_finite()).then(|| apart(place(value), place(published), i64::MIN))
        }
    }
}

/// Bit patterns of floats are in the order of the floats, those of negative ones from the lowest integer on downwards.
fn apart(a: i64, b: i64, lowest: i64) -> u64 {
    let ordered = |bits: i64| if bits < 0 { lowest - bits } else { bits };
    ordered(a).abs_diff(ordered(b))
}

/// Whether the published label is the one that the published probabilities give.
fn follows(published: &Published<'_>, metadata: &Metadata) -> bool {
    let probability = |label: &String| {
        let text = text_of(published, label).unwrap_or_default();
        text.parse::<f64>().unwrap_or(f64::NAN)
    };
    let positive = metadata.positive_label();
    if probability(&metadata.labels[metadata.positive]) >= metadata.threshold {
        return published.label == positive;
    }
    let others = || metadata.labels.iter().filter(|label| *label != positive);
    let likeliest = others().map(probability).fold(f64::NAN, f64::max);
    others().any(|label| published.label == *label && probability(label) >= likeliest)
}

fn flight(flight: &Option<crate::output::published::Flight<'_>>) -> String {
    let Some(flight) = flight else {
        return "none".into();
    };
    let parts = [
        &flight.date,
        &flight.carrier,
        &flight.number,
        &flight.origin,
        &flight.destination,
        &flight.scheduled_departure,
    ];
    let parts: Vec<&str> = parts.into_iter().map(|part| part.as_deref().unwrap_or("-")).collect();
    parts.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Model;
    use crate::output::Format;
    use crate::scoring::Scoring;
    use std::sync::Arc;

    const SEED: &str =
        "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

    /// What becomes of the seed row's prediction when a part of it is replaced.
    fn tampered(from: &str, to: &str) -> Verdict {
        let model = Arc::new(Model::embedded().unwrap());
        let mut scoring = Scoring::new(&model, Format::Json).unwrap();
        scoring.push(SEED.as_bytes()).unwrap();
        let scored = scoring.score().unwrap();
        let mut again = Vec::new();
        scored.write(0, None, &mut again);
        let again = String::from_utf8(again).unwrap();
        assert!(again.contains(from), "{again}");
        let value = again.replacen(from, to, 1);
        let published = Published::read(value.as_bytes()).unwrap();
        let again = Published::read(again.as_bytes()).unwrap();
        compare(&published, &again, &scored.prediction(0), model.metadata())
    }

    #[test]
    fn what_means_the_same_is_equal() {
        for (from, to) in [
            ("", ""),
            // More digits of the same double.
            ("0.4319916897116479", "0.43199168971164790"),
            (
                r#""NO":0.4319916897116479,"YES":0.5680083102883521"#,
                r#""YES":5680083102883521e-16,"NO":0.4319916897116479"#,
            ),
            (r#","flight""#, r#", "more":[1], "flight""#),
            // They have no source here; whoever compares has found the input by it.
            (r#""sha256""#, r#""version":"1","sha256""#),
        ] {
            assert_eq!(tampered(from, to), Verdict::Equal, "{to}");
        }
    }

    #[test]
    fn the_next_double_is_told_apart_and_the_one_after_is_different() {
        // Doubles from 0.5 to 1 are 2^-53 apart, 1.1e-16; those from 0.25 half of that.
        assert_eq!(
            tampered("0.5680083102883521", "0.5680083102883522"),
            Verdict::WithinOneUlp
        );
        assert_eq!(
            tampered("0.4319916897116479", "0.431991689711648"),
            Verdict::WithinOneUlp
        );
        let Verdict::Different(differences) = tampered("0.4319916897116479", "0.43199168971164803") else {
            panic!("it is two doubles away");
        };
        assert_eq!(
            differences,
            ["probability of NO: 0.43199168971164803 published, 0.4319916897116479 scored again"]
        );
    }

    #[test]
    fn every_part_that_was_changed_is_named() {
        for (from, to, expected) in [
            (
                "0.4319916897116479",
                "0.4319916897116429",
                "probability of NO: 0.4319916897116429",
            ),
            (
                "0.5680083102883521",
                "null",
                "probability of YES: null published, 0.5680083102883521",
            ),
            (
                r#""NO":0.4319916897116479,"#,
                "",
                "probabilities: 1 published, 2 scored again",
            ),
            (r#""NO":"#, r#""no":"#, "probability of NO: none published"),
            (
                r#""label":"YES""#,
                r#""label":"NO""#,
                "label: NO published, YES scored again",
            ),
            (
                "0.44517576623644245",
                "0.5",
                "threshold: 0.5 published, 0.44517576623644245 is",
            ),
            (r#""threshold":0.44517576623644245,"#, "", "threshold: none published"),
            (
                "SAN",
                "LAX",
                "flight: 1987-10-14 PS 1451 LAX SFO 07:30 published, 1987-10-14 PS 1451 SAN SFO 07:30",
            ),
            (
                "airline-gbm",
                "other",
                "model: other published, airline-gbm has this hash",
            ),
        ] {
            let Verdict::Different(differences) = tampered(from, to) else {
                panic!("{to} is not found");
            };
            assert!(differences[0].starts_with(expected), "{differences:?}");
        }
    }

    #[test]
    fn a_label_within_one_ulp_of_the_threshold_follows_from_what_was_published() {
        let model = Model::embedded().unwrap();
        let follows = |label: &str, yes: &str| {
            let json = format!(r#"{{"label":"{label}","probabilities":{{"NO":0.5548242337635576,"YES":{yes}}}}}"#);
            super::follows(&Published::read(json.as_bytes()).unwrap(), model.metadata())
        };
        let (threshold, below) = ("0.44517576623644245", "0.4451757662364424");
        assert!(follows("YES", threshold) && follows("NO", below));
        assert!(!follows("NO", threshold) && !follows("YES", below) && !follows("MAYBE", below));
    }

    #[test]
    fn steps_are_counted_in_the_models_own_precision() {
        let float = |text| ulps(text, Probability::F32(0.1));
        // 0x3DCCCCCD is the float nearest to 0.1, 0x3DCCCCCE to 0.10000001.
        assert_eq!((float("0.1"), float("0.10000000149011612")), (Some(0), Some(0)));
        assert_eq!((float("0.10000001"), float("0.10000002")), (Some(1), Some(2)));
        assert!(ulps("0.10000001", Probability::F64(0.1)).unwrap() > 1_000_000);
        let double = |text, value| ulps(text, Probability::F64(value));
        assert_eq!((double("-0.0", 0.0), double("-5e-324", 5e-324)), (Some(0), Some(2)));
        assert_eq!((double("null", f64::NAN), double("null", 0.5)), (Some(0), None));
        assert_eq!(
            (double("0.5", f64::NAN), double("x", 0.5), double("1e999", 0.5)),
            (None, None, None)
        );
    }
}
