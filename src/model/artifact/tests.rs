mod damage;
mod steps;

use super::*;
use crate::flight::RowReader;
use crate::model::fixtures::{distance, unit};
use std::path::PathBuf;

const SEED: &str =
    "1987,10,14,3,741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES";

fn embedded() -> Arc<Model> {
    Arc::new(Model::embedded().unwrap())
}

#[test]
fn the_famous_rows_come_out_digit_for_digit() {
    let mut scorer = embedded().scorer().unwrap();
    let mut reader = RowReader::default();
    for (year, label, no, yes) in [
        ("1987", "YES", "0.4319916897116479", "0.5680083102883521"),
        ("1999", "NO", "0.5955978728809052", "0.40440212711909485"),
    ] {
        let fields: Vec<_> = SEED.split(',').collect();
        let mut without_one_missing = fields.clone();
        without_one_missing.remove(28);
        for fields in [&fields[..], &without_one_missing, &fields[..29]] {
            let row = fields.join(",").replacen("1987", year, 1);
            scorer.clear();
            scorer.push(&reader.read(row.as_bytes()).unwrap()).unwrap();
            let scores = scorer.score().unwrap();
            let prediction = scores.get(0);
            assert_eq!(prediction.label(), label);
            let got: Vec<_> = prediction
                .probabilities()
                .map(|(label, probability)| (label, probability.to_string()))
                .collect();
            assert_eq!(got, [("NO", no.to_owned()), ("YES", yes.to_owned())]);
        }
    }
}

#[test]
fn two_thousand_rows_agree_with_h2o_to_the_last_bit_but_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/airline-gbm-h2o.csv");
    let text = std::fs::read(path).unwrap();
    let mut lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    assert!(lines.next().unwrap().starts_with(b"Year,"));
    let mut scorer = embedded().scorer().unwrap();
    let mut reader = RowReader::default();
    let mut expected = vec![];
    for line in lines {
        // The last two fields are H2O's probabilities.
        let mut fields = line.rsplitn(3, |&byte| byte == b',');
        let mut probability = || -> f64 {
            std::str::from_utf8(fields.next().unwrap())
                .unwrap()
                .trim()
                .parse()
                .unwrap()
        };
        let (yes, no) = (probability(), probability());
        expected.push([no, yes]);
        scorer.push(&reader.read(fields.next().unwrap()).unwrap()).unwrap();
    }
    assert!(expected.len() > 1500);
    let scores = scorer.score().unwrap();
    assert_eq!(scores.len(), expected.len());
    for (line, (prediction, expected)) in scores.iter().zip(expected).enumerate() {
        for ((label, got), expected) in prediction.probabilities().zip(expected) {
            let got = got.to_f64();
            assert!(
                distance(got, expected, unit(expected, true)) <= 1.0,
                "row {line}: {label} {got}, not {expected}"
            );
        }
    }
}

#[test]
fn the_embedded_model_is_proven_and_named() {
    let model = embedded();
    assert_eq!(model.metadata().name, "airline-gbm");
    assert_eq!(model.metadata().threshold.to_bits(), 0.44517576623644245f64.to_bits());
    assert!(model.proof().rows >= 8);
    assert!(model.proof().largest_difference <= 4.5e-16);
    assert_eq!(model.sha256(), sha256(&[EMBEDDED]));
    assert_eq!(model.short_sha256().len(), 12);
    // Known vectors of SHA-256: "abc", in one part and in two.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(sha256(&[b"abc"]), abc);
    assert_eq!(sha256(&[b"a", b"bc"]), abc);
}

#[test]
fn a_batch_is_scored_until_it_is_cleared() {
    let mut scorer = embedded().scorer().unwrap();
    let mut reader = RowReader::default();
    assert!(scorer.is_empty());
    assert!(scorer.score().unwrap().is_empty());
    for rows in [1, 3, 2] {
        scorer.clear();
        for _ in 0..rows {
            scorer.push(&reader.read(SEED.as_bytes()).unwrap()).unwrap();
            let broken = SEED.replacen(",10,", ",October,", 1);
            scorer.push(&reader.read(broken.as_bytes()).unwrap()).unwrap_err();
        }
        assert_eq!(scorer.len(), rows);
        for _ in 0..2 {
            let scores = scorer.score().unwrap();
            assert_eq!(scores.len(), rows);
            assert!(
                scores
                    .iter()
                    .all(|one| one.positive().to_string() == "0.5680083102883521")
            );
        }
    }
}

#[test]
fn unknown_categories_are_missing_and_columns_that_are_not_read_may_hold_anything() {
    let mut scorer = embedded().scorer().unwrap();
    let mut reader = RowReader::default();
    for row in [
        SEED.to_owned(),
        SEED.replace("1451", "not a number"),
        SEED.replace("SAN", "ZZZ"),
        SEED.replace("SAN", "NA"),
    ] {
        scorer.push(&reader.read(row.as_bytes()).unwrap()).unwrap();
    }
    let scores = scorer.score().unwrap();
    assert_eq!(scores.get(0).positive(), scores.get(1).positive());
    assert_eq!(scores.get(2).positive(), scores.get(3).positive());
    assert_ne!(scores.get(0).positive(), scores.get(2).positive());
}

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/trees")
        .join(name)
}

/// A description of a two-class fixture, whose two features hold small whole numbers, halves or nothing.
fn description(name: &str) -> serde_json::Value {
    let json = std::fs::read(fixture(&format!("{name}.json"))).unwrap();
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    let (inputs, outputs) = (json["inputs"].as_array().unwrap(), json["outputs"].as_array().unwrap());
    let mut golden = vec![];
    for (input, output) in inputs.iter().zip(outputs) {
        let field = |value: &serde_json::Value| match value.as_f64() {
            Some(number) if number.fract() == 0.0 => Some(number.to_string()),
            Some(_) => None,
            None => Some("NA".to_owned()),
        };
        if let (Some(diverted), Some(delay)) = (field(&input[0]), field(&input[1])) {
            let mut fields: Vec<_> = SEED.split(',').collect();
            (fields[23], fields[14]) = (&diverted, &delay);
            golden.push(serde_json::json!({"row": fields.join(","), "probabilities": output}));
        }
    }
    serde_json::json!({
        "name": name, "version": "1",
        "features": [
            {"name": "first", "column": "Diverted", "type": "numeric"},
            {"name": "second", "column": "ArrDelay", "type": "numeric"},
        ],
        "labels": ["NO", "YES"], "positive": "YES", "threshold": 0.5,
        "golden": {"tolerance": 1e-6, "rows": golden},
    })
}

fn described(name: &str, description: &serde_json::Value) -> Result<Model, ModelError> {
    let onnx = std::fs::read(fixture(&format!("{name}.onnx"))).unwrap();
    Model::from_bytes(&onnx, Some(description.to_string().as_bytes()), name)
}

#[test]
fn a_model_without_metadata_is_served_with_a_file_beside_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gbm.onnx");
    std::fs::copy(fixture("v1_all_0_logistic.onnx"), &path).unwrap();
    let error = Model::load(&path).unwrap_err();
    assert!(matches!(error, ModelError::NoMetadata { .. }));
    let message = error.to_string();
    assert!(
        message.contains("gbm.onnx") && message.contains("`flight_delay_scorer`"),
        "{message}"
    );
    assert!(message.contains(".json"), "{message}");

    let json = description("v1_all_0_logistic").to_string();
    std::fs::write(path.with_extension("json"), &json).unwrap();
    let model = Arc::new(Model::load(&path).unwrap());
    let onnx = std::fs::read(&path).unwrap();
    assert_eq!(model.sha256(), sha256(&[&onnx, json.as_bytes()]));
    // A float model: its probabilities have the digits of floats.
    let mut scorer = model.scorer().unwrap();
    scorer
        .push(&RowReader::default().read(SEED.as_bytes()).unwrap())
        .unwrap();
    let scores = scorer.score().unwrap();
    let text = scores.get(0).positive().to_string();
    assert!(text.len() <= 12, "{text}");

    let sidecar = std::fs::File::create(path.with_extension("json")).unwrap();
    sidecar.set_len(Metadata::MOST_BYTES as u64 + 1).unwrap();
    let message = Model::load(&path).unwrap_err().to_string();
    let expected = "gbm.json: the file has more than 16777216 bytes, more than are read";
    assert!(message.ends_with(expected), "{message}");

    std::fs::write(path.with_extension("json"), "{").unwrap();
    let message = Model::load(&path).unwrap_err().to_string();
    assert!(message.contains("gbm.onnx, the JSON beside it: metadata:"), "{message}");
}

#[test]
fn string_labels_and_doubles_are_served_too() {
    for name in [
        "v1_all_0_none_base1",
        "v3_all_0_logistic_double_base1",
        "v1_both_softmax",
    ] {
        described(name, &description(name)).unwrap();
    }
}

#[test]
fn one_number_a_row_is_the_probability_of_the_positive_label() {
    let name = "v1_regressor_logistic_1";
    for positive in [0, 1] {
        let mut json = description(name);
        json["positive"] = json["labels"][positive].clone();
        for golden in json["golden"]["rows"].as_array_mut().unwrap() {
            let probability = golden["probabilities"][0].as_f64().unwrap();
            let mut pair = [1.0 - probability; 2];
            pair[positive] = probability;
            golden["probabilities"] = serde_json::json!(pair);
        }
        described(name, &json).unwrap();
        json["golden"]["rows"][0]["probabilities"] = serde_json::json!([0.5, 0.5]);
        assert!(matches!(described(name, &json), Err(ModelError::Unproven { .. })));
    }
}

#[test]
fn three_labels_are_served() {
    let name = "v1_three_softmax";
    let mut json = description(name);
    json["labels"] = serde_json::json!(["early", "late", "on time"]);
    json["positive"] = "late".into();
    json["threshold"] = 0.3.into();
    let model = Arc::new(described(name, &json).unwrap());
    let mut scorer = model.scorer().unwrap();
    let golden = json["golden"]["rows"].as_array().unwrap();
    for row in golden {
        let row = row["row"].as_str().unwrap();
        scorer
            .push(&RowReader::default().read(row.as_bytes()).unwrap())
            .unwrap();
    }
    let mut given = std::collections::BTreeSet::new();
    for (prediction, golden) in scorer.score().unwrap().iter().zip(golden) {
        let [early, late, on_time] = [0, 1, 2].map(|label| golden["probabilities"][label].as_f64().unwrap());
        let expected = match () {
            () if late >= 0.3 => "late",
            () if early >= on_time => "early",
            () => "on time",
        };
        assert_eq!(prediction.label(), expected, "{golden}");
        given.insert(expected);
    }
    assert!(given.len() > 1, "{given:?}");
}

#[test]
fn a_model_that_is_not_what_it_claims_is_refused() {
    let name = "v1_all_0_logistic";
    let mut wrong = description(name);
    wrong["golden"]["rows"][2]["probabilities"][1] = 0.125.into();
    let error = described(name, &wrong).unwrap_err();
    let ModelError::Unproven { mismatches, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!((mismatches[0].row, mismatches[0].expected), (3, 0.125));
    let message = error.to_string();
    assert!(
        message.contains("row 3: YES is expected with 0.125, but got"),
        "{message}"
    );

    let mut unreadable = description(name);
    unreadable["golden"]["rows"][1]["row"] = "1,2,3".into();
    let message = described(name, &unreadable).unwrap_err().to_string();
    assert!(
        message.ends_with("golden row 2 cannot be read: the row has 3 fields, it should have 29, 30 or 31"),
        "{message}"
    );

    let mut narrow = description(name);
    narrow["features"].as_array_mut().unwrap().pop();
    let message = described(name, &narrow).unwrap_err().to_string();
    assert!(
        message.contains("takes 2 features, but the metadata names 1"),
        "{message}"
    );

    let message = described("v1_three_none", &description(name)).unwrap_err().to_string();
    assert!(
        message.contains("3], but it should be [") && message.contains(", 2]"),
        "{message}"
    );
}

#[test]
fn what_is_no_model_is_refused() {
    let missing = Model::load(Path::new("/no/such/model.onnx")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read /no/such/model.onnx");
    assert!(std::error::Error::source(&missing).is_some());
    for bytes in [&b""[..], b"hello", b"\x08\x09", &[0xff; 64]] {
        let error = Model::from_bytes(bytes, None, "it").unwrap_err();
        assert!(matches!(error, ModelError::NotOnnx { .. }), "{error}");
    }
}

#[test]
fn models_are_shared_and_scorers_move_to_their_threads() {
    fn shared<T: Send + Sync>() {}
    fn moved<T: Send>() {}
    shared::<Model>();
    moved::<Scorer>();
}

#[test]
fn the_models_that_come_with_the_service_are_proven() {
    for name in ["airline-gbm", "nyc-2013-gbm"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("models/{name}.onnx"));
        let model = Model::load(&path).unwrap();
        assert_eq!(model.metadata().name, name);
        assert!(model.metadata().profile.is_some());
    }
}
