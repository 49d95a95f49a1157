//! From the JSON as it stands to metadata that can be relied on.

use super::{Feature, FeatureProfile, Golden, GoldenRow, Input, Metadata, MetadataError, Profile, ScoreProfile, raw};
use crate::flight::Column;
use crate::model::shown;
use std::collections::HashSet;

type Result<T> = std::result::Result<T, MetadataError>;

fn error<T>(place: impl Into<String>, problem: impl Into<String>) -> Result<T> {
    Err(MetadataError::new(place, problem))
}

fn at_most(most: usize, count: usize, place: impl Fn() -> String) -> Result<()> {
    if count > most {
        return error(place(), format!("there are {count}, at most {most} are supported"));
    }
    Ok(())
}

pub fn metadata(raw: raw::Metadata) -> Result<Metadata> {
    if raw.name.trim().is_empty() {
        return error("name", "the model needs a name");
    }
    let features = features(raw.features)?;
    let positive = positive(&raw.labels, &raw.positive)?;
    if !(0.0..=1.0).contains(&raw.threshold) {
        return error("threshold", format!("{} is not within 0 and 1", raw.threshold));
    }
    Ok(Metadata {
        golden: golden(raw.golden, raw.labels.len())?,
        profile: raw.profile.map(|raw| profile(raw, &features)).transpose()?,
        name: raw.name,
        version: raw.version,
        description: raw.description,
        features,
        labels: raw.labels,
        positive,
        threshold: raw.threshold,
    })
}

fn features(raw: Vec<raw::Feature>) -> Result<Vec<Feature>> {
    if raw.is_empty() {
        return error("features", "the model needs at least one");
    }
    let mut features: Vec<Feature> = Vec::with_capacity(raw.len());
    for (position, raw) in raw.into_iter().enumerate() {
        let place = format!("features[{position}]");
        let feature = feature(raw, &place)?;
        for (earlier, other) in features.iter().enumerate() {
            if other.name == feature.name {
                let problem = format!(
                    "{:?} is the name of features[{earlier}], too",
                    shown::name(&feature.name)
                );
                return error(format!("{place}.name"), problem);
            }
            if other.column == feature.column {
                let problem = format!("{} is read by features[{earlier}], too", feature.column);
                return error(format!("{place}.column"), problem);
            }
        }
        features.push(feature);
    }
    Ok(features)
}

fn feature(raw: raw::Feature, place: &str) -> Result<Feature> {
    if raw.name.is_empty() {
        return error(format!("{place}.name"), "a feature needs a name");
    }
    if raw.name == Metadata::SCORE {
        let problem = format!("{:?} is the name of the model's score", raw.name);
        return error(format!("{place}.name"), problem);
    }
    let Some(column) = Column::by_name(&raw.column) else {
        return error(format!("{place}.column"), unknown_column(&raw.column));
    };
    let input = match (raw.kind, raw.values) {
        (raw::Kind::Numeric, None) => {
            if !column.is_numeric() {
                let problem = format!("{column} holds text, it can only be categorical");
                return error(format!("{place}.type"), problem);
            }
            Input::Numeric
        }
        (raw::Kind::Numeric, Some(_)) => {
            return error(format!("{place}.values"), "only a categorical feature has values");
        }
        (raw::Kind::Categorical, values) => {
            let values = values.unwrap_or_default();
            if values.is_empty() {
                return error(format!("{place}.values"), "a categorical feature needs values");
            }
            at_most(Metadata::MOST_VALUES, values.len(), || format!("{place}.values"))?;
            let mut seen = HashSet::new();
            if let Some(twice) = values.iter().position(|value| !seen.insert(value)) {
                let problem = format!("{:?} is there twice", shown::name(&values[twice]));
                return error(format!("{place}.values[{twice}]"), problem);
            }
            Input::Categorical(values)
        }
    };
    Ok(Feature {
        name: raw.name,
        column,
        input,
        always_missing: raw.always_missing,
    })
}

fn unknown_column(name: &str) -> String {
    let name = shown::name(name);
    // Case matters to the look-up, but not to what was meant.
    let likeness = |column: &Column| strsim::jaro_winkler(&column.name().to_lowercase(), &name.to_lowercase());
    let nearest = Column::ALL
        .into_iter()
        .max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
        .filter(|column| likeness(column) > 0.7);
    let hint = match nearest {
        Some(column) => format!("did you mean \"{column}\"?"),
        None => "see the README for their names".to_owned(),
    };
    format!("there is no column {name:?}, {hint}")
}

fn positive(labels: &[String], positive: &str) -> Result<usize> {
    const MOST: usize = Metadata::MOST_LABELS;
    let count = labels.len();
    if !(2..=MOST).contains(&count) {
        return error("labels", format!("there are {count}, it should be within 2 and {MOST}"));
    }
    let mut seen = HashSet::new();
    for (position, label) in labels.iter().enumerate() {
        if label.is_empty() {
            return error(format!("labels[{position}]"), "a label cannot be empty");
        }
        if !seen.insert(label) {
            let problem = format!("{:?} is there twice", shown::name(label));
            return error(format!("labels[{position}]"), problem);
        }
    }
    match labels.iter().position(|label| label == positive) {
        Some(position) => Ok(position),
        None => {
            let labels: Vec<_> = labels.iter().map(|label| shown::name(label)).collect();
            let problem = format!("{:?} is none of {}", shown::name(positive), labels.join(", "));
            error("positive", problem)
        }
    }
}

fn golden(raw: raw::Golden, labels: usize) -> Result<Golden> {
    if !(0.0..=Golden::GREATEST_TOLERANCE).contains(&raw.tolerance) {
        let greatest = Golden::GREATEST_TOLERANCE;
        let problem = format!("{} is not within 0 and {greatest}", raw.tolerance);
        return error("golden.tolerance", problem);
    }
    if raw.rows.len() < Golden::LEAST_ROWS {
        let (got, least) = (raw.rows.len(), Golden::LEAST_ROWS);
        return error(
            "golden.rows",
            format!("there are {got}, at least {least} prove a model"),
        );
    }
    at_most(Golden::MOST_ROWS, raw.rows.len(), || "golden.rows".to_owned())?;
    for (position, row) in raw.rows.iter().enumerate() {
        let place = format!("golden.rows[{position}].probabilities");
        if row.probabilities.len() != labels {
            let got = row.probabilities.len();
            return error(place, format!("there are {got}, but {labels} labels"));
        }
        if let Some(value) = row.probabilities.iter().find(|value| !value.is_finite()) {
            return error(place, format!("{value} is not a number"));
        }
    }
    let rows = raw.rows.into_iter().map(|raw| GoldenRow {
        row: raw.row,
        probabilities: raw.probabilities,
    });
    Ok(Golden {
        tolerance: raw.tolerance,
        rows: rows.collect(),
    })
}

fn profile(raw: raw::Profile, features: &[Feature]) -> Result<Profile> {
    let mut profiles: Vec<FeatureProfile> = Vec::with_capacity(raw.features.len());
    for (position, raw) in raw.features.into_iter().enumerate() {
        let place = format!("profile.features[{position}]");
        let Some(feature) = features.iter().find(|feature| feature.name == raw.name) else {
            let problem = format!("the model has no feature {:?}", shown::name(&raw.name));
            return error(format!("{place}.name"), problem);
        };
        if profiles.iter().any(|other| other.name == raw.name) {
            let problem = format!("{:?} is there twice", shown::name(&raw.name));
            return error(format!("{place}.name"), problem);
        }
        match &feature.input {
            Input::Numeric => histogram(&place, &raw.edges, &raw.counts)?,
            Input::Categorical(_) if !raw.edges.is_empty() => {
                return error(format!("{place}.edges"), "a categorical feature has none");
            }
            Input::Categorical(values) if raw.counts.len() != values.len() => {
                let (got, expected) = (raw.counts.len(), values.len());
                let problem = format!("there are {got}, but {expected} values");
                return error(format!("{place}.counts"), problem);
            }
            Input::Categorical(_) => {}
        }
        profiles.push(FeatureProfile {
            name: raw.name,
            missing: raw.missing,
            edges: raw.edges,
            counts: raw.counts,
        });
    }
    histogram("profile.score", &raw.score.edges, &raw.score.counts)?;
    Ok(Profile {
        rows: raw.rows,
        features: profiles,
        score: ScoreProfile {
            edges: raw.score.edges,
            counts: raw.score.counts,
        },
    })
}

fn histogram(place: &str, edges: &[f64], counts: &[u64]) -> Result<()> {
    at_most(Profile::MOST_EDGES, edges.len(), || format!("{place}.edges"))?;
    let ascending = edges.windows(2).all(|pair| pair[0] < pair[1]);
    if !ascending || edges.iter().any(|edge| !edge.is_finite()) {
        return error(
            format!("{place}.edges"),
            "they must be finite numbers in ascending order",
        );
    }
    if counts.len() != edges.len() + 1 {
        let (got, edges) = (counts.len(), edges.len());
        let problem = format!("there are {got}, it should be one more than the {edges} edges");
        return error(format!("{place}.counts"), problem);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
