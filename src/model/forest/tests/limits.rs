//! Ensembles that are large, deep or ask for too much.

use super::*;
use tract_onnx::pb::attribute_proto::AttributeType;

/// A regressor of one target and one feature, with these nodes: tree, id, whether it is a leaf, true and false child.
/// Each leaf gives 1.
fn regressor(nodes: &[(i64, i64, bool, i64, i64)]) -> ModelProto {
    let leaves: Vec<_> = nodes.iter().filter(|node| node.2).collect();
    let mut proto = proto("v1_regressor_sum_1");
    let node = &mut proto.graph.as_mut().unwrap().node[0];
    for attribute in &mut node.attribute {
        let ints = &mut attribute.ints;
        match attribute.name.as_str() {
            "nodes_treeids" => *ints = nodes.iter().map(|node| node.0).collect(),
            "nodes_nodeids" => *ints = nodes.iter().map(|node| node.1).collect(),
            "nodes_truenodeids" => *ints = nodes.iter().map(|node| node.3).collect(),
            "nodes_falsenodeids" => *ints = nodes.iter().map(|node| node.4).collect(),
            "nodes_featureids" | "nodes_missing_value_tracks_true" => *ints = vec![0; nodes.len()],
            "nodes_values" => attribute.floats = vec![0.5; nodes.len()],
            "nodes_modes" => {
                let mode = |leaf| if leaf { "LEAF" } else { "BRANCH_LT" };
                attribute.strings = nodes.iter().map(|node| mode(node.2).as_bytes().to_vec()).collect();
            }
            "target_treeids" => *ints = leaves.iter().map(|node| node.0).collect(),
            "target_nodeids" => *ints = leaves.iter().map(|node| node.1).collect(),
            "target_ids" => *ints = vec![0; leaves.len()],
            "target_weights" => attribute.floats = vec![1.0; leaves.len()],
            _ => {}
        }
    }
    proto
}

fn score(proto: &ModelProto, feature: f64) -> f32 {
    let outputs = run(proto, &[1, 2], &[feature, 0.0]).unwrap();
    outputs[0].try_as_plain_ram().unwrap().as_slice::<f32>().unwrap()[0]
}

#[test]
fn a_million_nodes_are_served() {
    // Trees of ten levels, in the order of a heap.
    let node = |tree, id| (tree, id, id >= 511, 2 * id + 1, 2 * id + 2);
    let tree = |tree| (0..1023).map(move |id| node(tree, id));
    let nodes: Vec<_> = (0..1000).flat_map(tree).collect();
    assert!(nodes.len() > 1_000_000);
    assert_eq!(score(&regressor(&nodes), 0.0), 1000.0);
}

#[test]
fn a_tree_of_a_hundred_thousand_levels_is_served() {
    const DEPTH: i64 = 100_000;
    let mut nodes = vec![];
    for level in 0..DEPTH {
        nodes.push((0, 2 * level, false, 2 * level + 1, 2 * level + 2));
        nodes.push((0, 2 * level + 1, true, 0, 0));
    }
    nodes.push((0, 2 * DEPTH, true, 0, 0));
    let mut proto = regressor(&nodes);
    assert_eq!(score(&proto, 1.0), 1.0);
    // The last branch leads back to the first.
    let attributes = &mut proto.graph.as_mut().unwrap().node[0].attribute;
    let children = attributes.iter_mut().find(|found| found.name == "nodes_falsenodeids");
    children.unwrap().ints[2 * DEPTH as usize - 2] = 0;
    let error = format!("{:#}", run(&proto, &[1, 2], &[1.0, 0.0]).unwrap_err());
    assert_contains(&error, "branch 0 leads back to itself");
}

#[test]
fn broken_regressors_are_refused_with_the_place() {
    type Change = fn(&mut AttributeProto);
    let cases: [(&str, Change, &str); 9] = [
        (
            "nodes_falsenodeids",
            |a| a.ints[0] = 77,
            "nodes_falsenodeids[0]: tree 0 has no node with id 77",
        ),
        ("nodes_truenodeids", |a| a.ints[0] = 0, "leads back to itself"),
        (
            "target_nodeids",
            |a| a.ints[1] = 99,
            "target_nodeids[1]: tree 0 has no node with id 99",
        ),
        ("target_ids", |a| a.ints[0] = 3, "is for target 3, but there are only 3"),
        (
            "n_targets",
            |a| a.i = 2000,
            "n_targets is 2000, it should be within 1 and 1024",
        ),
        (
            "base_values",
            |a| a.floats.truncate(1),
            "base_values has 1 values, it should have 3",
        ),
        (
            "aggregate_function",
            |a| a.s = b"MEAN".to_vec(),
            "aggregate_function is MEAN",
        ),
        ("post_transform", |a| a.s = b"\xff".to_vec(), "post_transform"),
        (
            "nodes_values",
            |a| a.floats = vec![0.5; 4_000_001],
            "there are 4000001 nodes, at most 4000000 are supported",
        ),
    ];
    for (attribute, change, expected) in cases {
        assert_contains(&changed("v1_regressor_sum_3_base", attribute, change), expected);
    }
}

#[test]
fn two_thousand_classes_are_refused_by_name() {
    let error = changed("v1_three_none", "classlabels_strings", |a| {
        assert_eq!(a.r#type, AttributeType::Strings as i32);
        a.strings = (0..2000).map(|class| class.to_string().into_bytes()).collect();
    });
    assert_contains(&error, "there are 2000 class labels, it should be within 1 and 1024");
}
