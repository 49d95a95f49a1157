//! A model that would take too long for each row.

use super::*;
use crate::model::fixtures::field;

/// A field that is a small number.
fn small(number: u8, value: u8) -> Vec<u8> {
    vec![number << 3, value]
}

/// A regressor of two features with one leaf, which gives this many weights.
fn regressor(weights: usize) -> Vec<u8> {
    const FLOATS: u8 = 6;
    const INTS: u8 = 7;
    const STRINGS: u8 = 8;
    // The type of an attribute is its field 20.
    let attribute = |name: &str, kind: u8, value: Vec<u8>| {
        field(5, &[field(1, name.as_bytes()), vec![0xa0, 0x01, kind], value].concat())
    };
    let zeros = |name: &str, count: usize| attribute(name, INTS, field(8, &vec![0; count]));
    let floats = |name: &str, count: usize| attribute(name, FLOATS, field(7, &vec![0; 4 * count]));
    let node = [
        field(1, b"features"),
        field(2, b"probabilities"),
        field(4, b"TreeEnsembleRegressor"),
        field(7, b"ai.onnx.ml"),
        attribute("n_targets", 2, small(3, 1)),
        zeros("nodes_treeids", 1),
        zeros("nodes_nodeids", 1),
        zeros("nodes_featureids", 1),
        zeros("nodes_truenodeids", 1),
        zeros("nodes_falsenodeids", 1),
        floats("nodes_values", 1),
        attribute("nodes_modes", STRINGS, field(9, b"LEAF")),
        zeros("target_treeids", weights),
        zeros("target_nodeids", weights),
        zeros("target_ids", weights),
        floats("target_weights", weights),
    ];
    // Floats `[rows, 2]`.
    let dims = [field(1, &field(2, b"rows")), field(1, &small(1, 2))].concat();
    let tensor = field(1, &[small(1, 1), field(2, &dims)].concat());
    let input = [field(1, b"features"), field(2, &tensor)].concat();
    let output = field(1, b"probabilities");
    let graph = [field(1, &node.concat()), field(11, &input), field(12, &output)];
    field(7, &graph.concat())
}

#[test]
fn a_model_of_too_many_steps_for_a_row_is_refused() {
    let mut json = description("v1_regressor_logistic_1");
    for golden in json["golden"]["rows"].as_array_mut().unwrap() {
        golden["probabilities"] = serde_json::json!([1, 0]);
    }
    let load = |weights| Model::from_bytes(&regressor(weights), Some(json.to_string().as_bytes()), "long");
    load(1000).unwrap();
    let message = load(250_001).unwrap_err().to_string();
    let expected = "may pass branches and get weights 250001 times, at most 250000 are supported";
    assert!(message.contains(expected), "{message}");
}
