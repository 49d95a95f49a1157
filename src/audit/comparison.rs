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
