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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn minimal() -> Value {
        let golden = json!({"row": "1987,10", "probabilities": [0.25, 0.75]});
        json!({
            "name": "m", "version": "1",
            "features": [
                {"name": "Year", "column": "Year", "type": "numeric"},
                {"name": "From", "column": "Origin", "type": "categorical", "values": ["SAN", "SFO"]},
                {"name": "Dest", "column": "Dest", "type": "categorical", "values": ["SFO"], "always_missing": true},
            ],
            "labels": ["NO", "YES"], "positive": "YES", "threshold": 0.44517576623644245,
            "golden": {"tolerance": 4.5e-16, "rows": vec![golden; 8]},
            "profile": {
                "rows": 3,
                "features": [
                    {"name": "Year", "missing": 0, "edges": [1990.0, 2000.0], "counts": [1, 1, 1]},
                    {"name": "From", "missing": 1, "counts": [2, 0]},
                ],
                "score": {"edges": [0.5], "counts": [1, 2]},
            },
        })
    }

    fn read(json: &Value) -> Result<Metadata> {
        Metadata::from_json(json.to_string().as_bytes())
    }

    #[test]
    fn reads_all_there_is() {
        let metadata = read(&minimal()).unwrap();
        assert_eq!(metadata.threshold.to_bits(), 0.44517576623644245f64.to_bits());
        assert_eq!(metadata.positive_label(), "YES");
        assert_eq!(metadata.features[1].column, Column::Origin);
        assert!(metadata.features[2].always_missing);
        assert_eq!(metadata.profile.unwrap().features[1].counts, [2, 0]);
        let mut json = minimal();
        json.as_object_mut().unwrap().remove("profile");
        assert_eq!(read(&json).unwrap().profile, None);
    }

    #[test]
    fn every_error_names_the_place() {
        let year = json!({"name": "Year2", "column": "Year", "type": "numeric"});
        let cases = [
            ("/name", json!(" "), "name: the model needs a name"),
            ("/features", json!([]), "features: the model needs at least one"),
            (
                "/features/1/name",
                json!("Year"),
                r#"features[1].name: "Year" is the name of features[0], too"#,
            ),
            (
                "/features/1/name",
                json!("score"),
                r#"features[1].name: "score" is the name of the model's score"#,
            ),
            (
                "/features/1",
                year,
                "features[1].column: Year is read by features[0], too",
            ),
            (
                "/features/1/column",
                json!("Orgin"),
                r#"features[1].column: there is no column "Orgin", did you mean "Origin"?"#,
            ),
            (
                "/features/1/column",
                json!("crsdeptime"),
                r#"features[1].column: there is no column "crsdeptime", did you mean "CRSDepTime"?"#,
            ),
            (
                "/features/1/column",
                json!("xyz"),
                r#"features[1].column: there is no column "xyz", see the README for their names"#,
            ),
            (
                "/features/0/column",
                json!("TailNum"),
                "features[0].type: TailNum holds text, it can only be categorical",
            ),
            (
                "/features/1/values",
                json!([]),
                "features[1].values: a categorical feature needs values",
            ),
            (
                "/features/1/values",
                json!(null),
                "features[1].values: a categorical feature needs values",
            ),
            (
                "/features/1/values/1",
                json!("SAN"),
                r#"features[1].values[1]: "SAN" is there twice"#,
            ),
            (
                "/labels",
                json!((0..65).map(|n| n.to_string()).collect::<Vec<_>>()),
                "labels: there are 65, it should be within 2 and 64",
            ),
            (
                "/labels",
                json!(["YES"]),
                "labels: there are 1, it should be within 2 and 64",
            ),
            ("/labels/0", json!("YES"), r#"labels[1]: "YES" is there twice"#),
            ("/labels/1", json!(""), "labels[1]: a label cannot be empty"),
            ("/positive", json!("yes"), r#"positive: "yes" is none of NO, YES"#),
            ("/threshold", json!(1.5), "threshold: 1.5 is not within 0 and 1"),
            (
                "/golden/tolerance",
                json!(-1.0),
                "golden.tolerance: -1 is not within 0 and 0.01",
            ),
            (
                "/golden/rows",
                json!([]),
                "golden.rows: there are 0, at least 8 prove a model",
            ),
            (
                "/golden/rows/7/probabilities",
                json!([1.0]),
                "golden.rows[7].probabilities: there are 1, but 2 labels",
            ),
            (
                "/profile/features/0/name",
                json!("Yeer"),
                r#"profile.features[0].name: the model has no feature "Yeer""#,
            ),
            (
                "/profile/features/1/name",
                json!("Year"),
                r#"profile.features[1].name: "Year" is there twice"#,
            ),
            (
                "/profile/features/0/edges",
                json!([2.0, 1.0]),
                "profile.features[0].edges: they must be finite numbers in ascending order",
            ),
            (
                "/profile/features/0/counts",
                json!([1, 1]),
                "profile.features[0].counts: there are 2, it should be one more than the 2 edges",
            ),
            (
                "/profile/features/1/counts",
                json!([1]),
                "profile.features[1].counts: there are 1, but 2 values",
            ),
            (
                "/profile/score/counts",
                json!([1]),
                "profile.score.counts: there are 1, it should be one more than the 1 edges",
            ),
        ];
        for (pointer, value, expected) in cases {
            let mut json = minimal();
            *json.pointer_mut(pointer).unwrap() = value;
            assert_eq!(read(&json).unwrap_err().to_string(), expected, "{pointer}");
        }
    }

    #[test]
    fn more_of_anything_than_a_model_needs_is_refused() {
        let texts = |count: usize| json!((0..count).map(|value| value.to_string()).collect::<Vec<_>>());
        let golden = |count: usize| json!(vec![minimal()["golden"]["rows"][0].clone(); count]);
        let edges = |count: usize| json!((0..count).collect::<Vec<_>>());
        let counts = |count: usize| json!(vec![0; count]);
        type Changes<'c> = &'c [(&'c str, Value)];
        let cases: [(Changes, Changes, &str); 4] = [
            (
                &[("/features/2/values", texts(65_536))],
                &[("/features/2/values", texts(65_537))],
                "features[2].values: there are 65537, at most 65536 are supported",
            ),
            (
                &[("/golden/rows", golden(1000))],
                &[("/golden/rows", golden(1001))],
                "golden.rows: there are 1001, at most 1000 are supported",
            ),
            (
                &[
                    ("/profile/features/0/edges", edges(10_000)),
                    ("/profile/features/0/counts", counts(10_001)),
                ],
                &[("/profile/features/0/edges", edges(10_001))],
                "profile.features[0].edges: there are 10001, at most 10000 are supported",
            ),
            (
                &[
                    ("/profile/score/edges", edges(10_000)),
                    ("/profile/score/counts", counts(10_001)),
                ],
                &[("/profile/score/edges", edges(10_001))],
                "profile.score.edges: there are 10001, at most 10000 are supported",
            ),
        ];
        let changed = |changes: &[(&str, Value)]| {
            let mut json = minimal();
            for (pointer, value) in changes {
                *json.pointer_mut(pointer).unwrap() = value.clone();
            }
            read(&json)
        };
        for (most, more, expected) in cases {
            changed(most).unwrap();
            assert_eq!(changed(more).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_text_of_sixteen_mebibytes_is_read_and_no_larger_one() {
        let mut json = minimal().to_string();
        json += &" ".repeat(Metadata::MOST_BYTES - json.len());
        Metadata::from_json(json.as_bytes()).unwrap();
        json.push(' ');
        let error = Metadata::from_json(json.as_bytes()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the JSON has 16777217 bytes, at most 16777216 are supported"
        );
    }

    #[test]
    fn names_of_any_length_make_short_errors() {
        let long = "x".repeat(1 << 20);
        for (pointer, value) in [
            ("/features/1/column", json!(long)),
            ("/features/1/values", json!([long, long])),
            ("/labels", json!([long, long])),
            ("/positive", json!(long)),
            ("/profile/features/0/name", json!(long)),
            ("/features/1/type", json!(long)),
            ("/golden", json!({long.clone(): 1})),
        ] {
            let mut json = minimal();
            *json.pointer_mut(pointer).unwrap() = value;
            let message = read(&json).unwrap_err().to_string();
            assert!(message.len() < 1200, "{pointer}: {} bytes", message.len());
            assert!(
                message.contains("xxx…") || message.contains("line 1 column"),
                "{message}"
            );
        }
    }

    #[test]
    fn unknown_keys_are_refused_with_line_and_column() {
        for place in [
            "",
            "/features/0",
            "/golden",
            "/golden/rows/0",
            "/profile",
            "/profile/score",
        ] {
            let mut json = minimal();
            json.pointer_mut(place).unwrap()["thresholds"] = json!(1);
            let message = read(&json).unwrap_err().to_string();
            assert!(message.contains("unknown field `thresholds`"), "{message}");
            assert!(message.contains("line 1 column"), "{message}");
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "[A-Za-z]{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                proptest::collection::btree_map("[a-z]{1,8}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn pointers(value: &Value, at: String, all: &mut Vec<String>) {
        all.push(at.clone());
        match value {
            Value::Array(items) => {
                for (position, item) in items.iter().enumerate() {
                    pointers(item, format!("{at}/{position}"), all);
                }
            }
            Value::Object(items) => {
                for (key, item) in items {
                    pointers(item, format!("{at}/{key}"), all);
                }
            }
            _ => {}
        }
    }

    proptest! {
        #[test]
        fn any_bytes_give_metadata_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Metadata::from_json(&bytes);
        }

        #[test]
        fn any_change_gives_metadata_or_an_error(which: proptest::sample::Index, value in any_json()) {
            let mut json = minimal();
            let mut all = vec![];
            pointers(&json, String::new(), &mut all);
            *json.pointer_mut(which.get::<String>(&all)).unwrap() = value;
            if let Ok(metadata) = read(&json) {
                prop_assert!((2..=Metadata::MOST_LABELS).contains(&metadata.labels.len()));
                prop_assert_eq!(metadata.golden.rows[0].probabilities.len(), metadata.labels.len());
                prop_assert!(metadata.golden.rows.len() >= Golden::LEAST_ROWS);
            }
        }
    }
}
