//! Two probabilities of which one is what is left to 1.

use std::collections::HashMap;
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto, tensor_proto};

/// Whether the tensor of this name is `Concat(1 - p, p)`, or the other way round, along the columns. Returns the name of
/// `p` and its column: with the same arithmetic, the scorer fills in the other one faster than three operators do.
pub(super) fn find(graph: &GraphProto, producers: &HashMap<&str, usize>, name: &str) -> Option<(String, usize)> {
    let producer = |name: &str, operator: &str| {
        let node = &graph.node[*producers.get(name)?];
        (node.op_type == operator && node.domain.is_empty()).then_some(node)
    };
    let concat = producer(name, "Concat")?;
    let axis = concat.attribute.iter().find(|attribute| attribute.name == "axis")?.i;
    let [first, second] = concat.input.as_slice() else {
        return None;
    };
    if !matches!(axis, 1 | -1) {
        return None;
    }
    let rest_of = |rest: &str, of: &str| producer(rest, "Sub").is_some_and(|node| is_rest(graph, node, of));
    if rest_of(first, second) {
        Some((second.clone(), 1))
    } else if rest_of(second, first) {
        Some((first.clone(), 0))
    } else {
        None
    }
}

/// Whether a node is `1 - of`.
fn is_rest(graph: &GraphProto, node: &NodeProto, of: &str) -> bool {
    let [one, subtracted] = node.input.as_slice() else {
        return false;
    };
    let mut constants = graph.initializer.iter().filter(|tensor| tensor.name == *one);
    subtracted == of && constants.next().is_some_and(is_one)
}

/// Whether a tensor is a single 1, of a shape that leaves that of a matrix with one column as it is.
fn is_one(tensor: &TensorProto) -> bool {
    if tensor.dims.len() > 2 || tensor.dims.iter().any(|&size| size != 1) {
        return false;
    }
    let raw = tensor.raw_data.as_slice();
    match tensor_proto::DataType::try_from(tensor.data_type) {
        Ok(tensor_proto::DataType::Float) => tensor.float_data == [1.0] || raw == 1f32.to_le_bytes(),
        Ok(tensor_proto::DataType::Double) => tensor.double_data == [1.0] || raw == 1f64.to_le_bytes(),
        _ => false,
    }
}
