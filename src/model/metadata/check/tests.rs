//! Every error names its place, and any JSON gives metadata or an error.

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
