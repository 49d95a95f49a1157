//! The operators within tract: what other implementations computed for small graphs, and broken graphs.

mod limits;

use crate::model::fixtures::{self, distance, matrix, run, unit};
use serde_json::Value;
use tract_onnx::pb::{AttributeProto, ModelProto};
use tract_onnx::prelude::*;

fn proto(name: &str) -> ModelProto {
    fixtures::proto("trees", name)
}

fn check(name: &str, fixture: &Value, failed: &mut Vec<String>) {
    let (shape, features) = matrix(&fixture["inputs"]);
    let (expected_shape, expected) = matrix(&fixture["outputs"]);
    let outputs = run(&proto(name), &shape, &features).unwrap();
    let scores = outputs.last().unwrap();
    assert_eq!(scores.shape(), expected_shape, "{name}");
    let double = scores.datum_type() == f64::datum_type();
    assert_eq!(double, name.starts_with("v5") && name.ends_with("double"), "{name}");
    let most = fixture["ulps"].as_f64().unwrap();
    assert!(most <= if double { 1.0 } else { 2.0 }, "{name}");
    let scores = scores.cast_to::<f64>().unwrap();
    let scores = scores.try_as_plain_ram().unwrap();
    for (position, (&got, &expected)) in scores.as_slice::<f64>().unwrap().iter().zip(&expected).enumerate() {
        let expected = if double { expected } else { f64::from(expected as f32) };
        let distance = distance(got, expected, unit(expected, double));
        if distance > most {
            failed.push(format!(
                "{name}, score {position}: {got} is {distance} ulp from {expected}, not within {most}"
            ));
        }
    }
    let Some(labels) = fixture["labels"].as_array() else {
        return;
    };
    let got: Vec<Value> = match outputs[0].datum_type() {
        DatumType::String => {
            let view = outputs[0].try_as_plain_ram().unwrap();
            view.as_slice::<String>()
                .unwrap()
                .iter()
                .cloned()
                .map(Value::from)
                .collect()
        }
        _ => {
            let view = outputs[0].try_as_plain_ram().unwrap();
            view.as_slice::<i64>()
                .unwrap()
                .iter()
                .copied()
                .map(Value::from)
                .collect()
        }
    };
    if got != *labels {
        failed.push(format!("{name}: the labels are {got:?}, not {labels:?}"));
    }
}

#[test]
fn every_fixture_comes_out_as_another_implementation_computed_it() {
    let mut failed = vec![];
    let fixtures = fixtures::all("trees");
    for (name, fixture) in &fixtures {
        check(name, fixture, &mut failed);
    }
    assert!(fixtures.len() > 400, "only {} fixtures", fixtures.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// Changes an attribute of the one node of a graph.
fn changed(name: &str, attribute: &str, change: impl FnOnce(&mut AttributeProto)) -> String {
    let mut proto = proto(name);
    let node = &mut proto.graph.as_mut().unwrap().node[0];
    let found = node.attribute.iter_mut().find(|found| found.name == attribute);
    change(found.unwrap_or_else(|| panic!("{name} has no {attribute}")));
    format!("{:#}", run(&proto, &[1, 2], &[0.0, 0.0]).unwrap_err())
}

#[track_caller]
fn assert_contains(message: &str, expected: &str) {
    assert!(message.contains(expected), "{message:?} does not contain {expected:?}");
}

#[test]
fn broken_tree_ensembles_are_refused_with_the_place() {
    type Change = fn(&mut AttributeProto);
    let cases: [(&str, Change, &str); 14] = [
        ("nodes_truenodeids", |a| a.ints[0] = 99, "branch 0 leads to"),
        (
            "nodes_truenodeids",
            |a| a.ints[0] = -1,
            "nodes_truenodeids[0] is -1, not an index",
        ),
        (
            "nodes_falsenodeids",
            |a| a.ints.truncate(1),
            "nodes_falsenodeids has 1 values",
        ),
        ("nodes_trueleafs", |a| a.ints.push(0), "nodes_trueleafs has"),
        (
            "nodes_featureids",
            |a| a.ints[0] = 7,
            "the trees ask for feature 7, but a row has only 2",
        ),
        ("nodes_featureids", |a| a.ints[0] = i64::MAX, "nodes_featureids[0] is"),
        ("tree_roots", |a| a.ints.clear(), "there are no trees"),
        ("tree_roots", |a| a.ints[0] = 1000, "tree 0 leads to branch 1000"),
        (
            "leaf_targetids",
            |a| a.ints[0] = 3,
            "is for target 3, but there are only",
        ),
        ("n_targets", |a| a.i = 0, "n_targets is 0"),
        ("n_targets", |a| a.i = i64::MAX, "n_targets is 9223372036854775807"),
        ("aggregate_function", |a| a.i = 4, "aggregate_function is 4"),
        ("post_transform", |a| a.i = 5, "post_transform is 5"),
        (
            "nodes_modes",
            |a| a.t.as_mut().unwrap().raw_data[0] = 7,
            "nodes_modes[0] is 7",
        ),
    ];
    for (attribute, change, expected) in cases {
        assert_contains(&changed("v5_member_tree_double", attribute, change), expected);
    }
    assert_contains(
        &changed("v5_member_tree_double", "membership_values", |a| {
            let tensor = a.t.as_mut().unwrap();
            tensor.raw_data.clear();
            tensor.dims = vec![0];
        }),
        "membership_values has no set for node",
    );
    assert_contains(
        &changed("v5_member_tree_double", "membership_values", |a| {
            let tensor = a.t.as_mut().unwrap();
            tensor.raw_data.extend_from_slice(&f64::NAN.to_le_bytes());
            tensor.dims[0] += 1;
        }),
        "membership_values has 1 sets more",
    );
}

#[test]
fn a_cycle_is_refused() {
    let mut proto = proto("v5_lopsided_double");
    let node = &mut proto.graph.as_mut().unwrap().node[0];
    for attribute in &mut node.attribute {
        match attribute.name.as_str() {
            "nodes_trueleafs" | "nodes_truenodeids" => attribute.ints.fill(0),
            _ => {}
        }
    }
    let message = format!("{:#}", run(&proto, &[1, 2], &[0.0, 0.0]).unwrap_err());
    assert_contains(&message, "leads back to itself");
}

#[test]
fn broken_classifiers_are_refused_with_the_place() {
    type Change = fn(&mut AttributeProto);
    let cases: [(&str, Change, &str); 12] = [
        ("nodes_truenodeids", |a| a.ints[0] = 99, "has no node with id 99"),
        ("nodes_truenodeids", |a| a.ints[0] = 0, "leads back to itself"),
        (
            "nodes_falsenodeids",
            |a| a.ints.truncate(2),
            "nodes_falsenodeids has 2 values",
        ),
        ("nodes_nodeids", |a| a.ints[1] = 0, "has two nodes with id 0"),
        ("nodes_treeids", |a| a.ints.clear(), "nodes_treeids has 0 values"),
        (
            "nodes_modes",
            |a| a.strings[0] = b"BRANCH_MEMBER".to_vec(),
            "nodes_modes[0] is BRANCH_MEMBER",
        ),
        ("nodes_featureids", |a| a.ints[0] = -3, "nodes_featureids[0] is -3"),
        (
            "class_ids",
            |a| a.ints[0] = 2,
            "class_ids has class 2, but there are only 2",
        ),
        ("class_nodeids", |a| a.ints[0] = 0, "node 0 of tree 0 is not a leaf"),
        ("class_treeids", |a| a.ints[0] = 50, "tree 50 has no node"),
        ("class_weights", |a| a.floats.truncate(1), "class_ids has"),
        ("post_transform", |a| a.s = b"LOGIT".to_vec(), "post_transform is LOGIT"),
    ];
    for (attribute, change, expected) in cases {
        assert_contains(&changed("v1_both_logistic_base2", attribute, change), expected);
    }
    assert_contains(
        &changed("v1_three_softmax_base3", "base_values", |a| a.floats.truncate(2)),
        "base_values has 2 values, it should have 3",
    );
}

#[test]
fn types_must_fit() {
    let mut float = proto("v5_sum_3_float");
    let input = &mut float.graph.as_mut().unwrap().input[0];
    let Some(tract_onnx::pb::type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().unwrap().value.as_mut()
    else {
        panic!("not a tensor");
    };
    tensor.elem_type = 11;
    assert!(run(&float, &[1, 2], &[0.0, 0.0]).is_err());
}
