//! Checks that keep a broken graph from costing more time or memory than its file.

use super::operator_name;
use crate::model::shown;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, NodeProto, TensorProto};
use tract_onnx::prelude::*;

/// Nodes of a graph. Exporters need some tens.
const MOST_NODES: usize = 1000;

/// How many numbers may be computed from constants, while the graph is prepared.
const MOST_CONSTANTS: u128 = 1 << 20;

/// What a tree ensemble may make of one number.
const MOST_TARGETS: u128 = 1024;

/// How many numbers a graph may hold for a row. A batch has about a thousand rows.
const MOST_VALUES: u128 = 1 << 14;

/// The graph is finite, without sub-graphs, and holds what it claims to hold.
pub(super) fn check(graph: &GraphProto) -> Result<(), String> {
    if graph.node.len() > MOST_NODES {
        let nodes = graph.node.len();
        return Err(format!(
            "the graph has {nodes} nodes, at most {MOST_NODES} are supported"
        ));
    }
    for node in &graph.node {
        let operator = operator_name(node);
        for attribute in &node.attribute {
            if attribute.g.is_some() || !attribute.graphs.is_empty() {
                return Err(format!(
                    "{operator} (node {:?}) has a graph in it, which is not supported",
                    shown::name(&node.name)
                ));
            }
            for tensor in attribute.t.iter().chain(&attribute.tensors) {
                let place = || {
                    format!(
                        "{operator} (node {:?}), {}",
                        shown::name(&node.name),
                        shown::name(&attribute.name)
                    )
                };
                check_tensor(tensor, place)?;
            }
        }
    }
    for tensor in &graph.initializer {
        check_tensor(tensor, || format!("the initial value {:?}", shown::name(&tensor.name)))?;
    }
    check_order(graph)?;
    check_axes(graph)?;
    check_constants(graph)
}

/// tract panics at axes that there are not. The features are a matrix, and a third axis is the most that is made of it.
fn check_axes(graph: &GraphProto) -> Result<(), String> {
    let given = graph.initializer.iter().map(|tensor| (tensor.name.as_str(), tensor));
    let constant = |node: &'_ NodeProto| Some((node.output.first()?.clone(), node.attribute.first()?.t.clone()?));
    let made: HashMap<_, _> = graph.node.iter().filter_map(constant).collect();
    let given: HashMap<_, _> = given.collect();
    for node in &graph.node {
        let possible: &[i64] = match node.op_type.as_str() {
            // The first axis are the rows, which have nothing to do with each other.
            "ReduceMax" | "ReduceMean" | "ReduceMin" | "ReduceSum" => &[1, -1],
            "Squeeze" | "Unsqueeze" => &[0, 1, 2, -1, -2],
            _ => continue,
        };
        let list = node.attribute.iter().find(|attribute| attribute.name == "axes");
        let input = node.input.get(1).map(String::as_str);
        let tensor = input.and_then(|name| given.get(name).copied().or(made.get(name)));
        let axes = match (list, tensor) {
            (Some(list), _) => list.ints.clone(),
            (None, Some(tensor)) => integers(tensor),
            (None, None) => vec![],
        };
        if axes.is_empty() || axes.iter().any(|axis| !possible.contains(axis)) {
            return Err(format!(
                "{} (node {:?}) has the axes {axes:?}, they should be of {possible:?}",
                operator_name(node),
                shown::name(&node.name)
            ));
        }
    }
    Ok(())
}

fn integers(tensor: &TensorProto) -> Vec<i64> {
    let raw = tensor.raw_data.as_chunks::<8>().0.iter();
    let raw = raw.map(|bytes| i64::from_le_bytes(*bytes));
    tensor.int64_data.iter().copied().chain(raw).collect()
}

/// Every node reads what an earlier one produces, what is given, or an input.
fn check_order(graph: &GraphProto) -> Result<(), String> {
    let given = graph.initializer.iter().map(|tensor| tensor.name.as_str());
    let inputs = graph.input.iter().map(|input| input.name.as_str());
    let mut known: HashSet<_> = given.chain(inputs).collect();
    for node in &graph.node {
        if let Some(name) = read(node).find(|name| !known.contains(name)) {
            let (operator, name) = (operator_name(node), shown::name(name));
            return Err(format!(
                "{operator} reads {name:?}, which nothing before it in the graph produces"
            ));
        }
        known.extend(node.output.iter().map(String::as_str));
    }
    Ok(())
}

fn read(node: &NodeProto) -> impl Iterator<Item = &str> {
    node.input.iter().map(String::as_str).filter(|name| !name.is_empty())
}

/// tract computes what depends on constants only while it prepares the graph. No operator but the
/// tree ensembles gives more numbers than the product of those it is given, or their sum.
fn check_constants(graph: &GraphProto) -> Result<(), String> {
    let given = graph.initializer.iter();
    let mut sizes: HashMap<_, _> = given.map(|tensor| (tensor.name.as_str(), claimed(tensor))).collect();
    for node in &graph.node {
        let size = if node.input.is_empty() {
            let tensors = node.attribute.iter().filter_map(|attribute| attribute.t.as_ref());
            let lists = node.attribute.iter().map(|list| list.ints.len().max(list.floats.len()));
            Some(
                tensors
                    .map(claimed)
                    .chain(lists.map(|length| length as u128))
                    .fold(1, u128::max),
            )
        } else {
            let sizes: Option<Vec<_>> = read(node).map(|name| sizes.get(name).copied()).collect();
            sizes.map(|sizes| {
                let product = sizes.iter().fold(1, |all: u128, &size| all.saturating_mul(size.max(1)));
                let most = product.max(sizes.iter().sum());
                most.saturating_mul(if node.op_type.starts_with("TreeEnsemble") {
                    MOST_TARGETS
                } else {
                    1
                })
            })
        };
        if !picks_safely(node, |name| sizes.contains_key(name)) {
            return Err(format!(
                "{} (node {:?}) picks from computed positions, which may be those of another row",
                operator_name(node),
                shown::name(&node.name)
            ));
        }
        let Some(size) = size else {
            continue;
        };
        if !node.input.is_empty() && size > MOST_CONSTANTS {
            return Err(format!(
                "{} (node {:?}) may compute {size} numbers from constants, at most {MOST_CONSTANTS} are supported",
                operator_name(node),
                shown::name(&node.name)
            ));
        }
        sizes.extend(node.output.iter().map(|name| (name.as_str(), size)));
    }
    Ok(())
}

/// tract does not notice a column that there is not, and reads the next row's. Only a table of constants may be asked
/// for any position along its first axis, where running fails at the end of it.
fn picks_safely(node: &NodeProto, is_constant: impl Fn(&str) -> bool) -> bool {
    let [data, positions] = node.input.as_slice() else {
        return true;
    };
    let is_first_axis = node.attribute.iter().all(|axis| axis.name != "axis" || axis.i == 0);
    match node.op_type.as_str() {
        "Gather" => is_constant(positions) || (is_constant(data) && is_first_axis),
        "ArrayFeatureExtractor" => is_constant(positions),
        _ => true,
    }
}

/// How many elements a tensor claims to have, at most 2^64.
fn claimed(tensor: &TensorProto) -> u128 {
    let dims = tensor.dims.iter().map(|&dim| u128::try_from(dim).unwrap_or(0));
    dims.fold(1, |all, dim| all.saturating_mul(dim).min(1 << 64))
}

/// tract makes room for what a tensor claims to hold, and panics on raw data of types for which it has no reader.
fn check_tensor(tensor: &TensorProto, place: impl Fn() -> String) -> Result<(), String> {
    let TensorProto { data_type, dims, .. } = tensor;
    // The types by the number of their bytes as raw data, and where their values stand otherwise.
    let (bytes, values) = match data_type {
        1 => (4, tensor.float_data.len()),
        2 | 3 | 9 => (1, tensor.int32_data.len()),
        4 | 5 | 10 => (2, tensor.int32_data.len()),
        6 => (4, tensor.int32_data.len()),
        7 => (8, tensor.int64_data.len()),
        8 if tensor.raw_data.is_empty() => (1, tensor.string_data.len()),
        11 => (8, tensor.double_data.len()),
        _ => return Err(format!("{} has the unsupported type {data_type}", place())),
    };
    if tensor.data_location.is_some_and(|location| location != 0) || !tensor.external_data.is_empty() {
        return Err(format!(
            "{} has its values in another file, which is not supported",
            place()
        ));
    }
    if let Some(dim) = dims.iter().find(|dim| **dim < 0) {
        return Err(format!("{} has the dimension {dim}", place()));
    }
    let values = match tensor.raw_data.len() {
        0 => values,
        raw if raw % bytes == 0 => raw / bytes,
        raw => return Err(format!("{} has {raw} bytes, {bytes} make one value", place())),
    };
    let claimed = claimed(tensor);
    if claimed != values as u128 {
        return Err(format!(
            "{} has {values} values, its dimensions {dims:?} need {claimed}",
            place()
        ));
    }
    Ok(())
}

/// Each result in the graph grows with the rows as they do, and all together are small.
pub(super) fn check_sizes(model: &TypedModel, rows: &Symbol) -> Result<(), String> {
    let mut all = 0u128;
    for node in &model.nodes {
        for output in &node.outputs {
            let of = |count: i64| {
                let count = SymbolValues::default().with(rows, count);
                let dims = output.fact.shape.iter().map(|dim| dim.eval(&count).to_i64());
                dims.map(|dim| dim.ok().and_then(|dim| u128::try_from(dim).ok()))
                    .try_fold(1u128, |all, dim| all.checked_mul(dim?))
            };
            let (Some(one), Some(two)) = (of(1), of(2)) else {
                return Err(format!(
                    "the size of {} cannot be told before it runs",
                    shown::name(&node.name)
                ));
            };
            if two > 2 * one {
                return Err(format!(
                    "{} grows faster than the number of rows",
                    shown::name(&node.name)
                ));
            }
            if two > one {
                all += one;
            }
        }
    }
    if all > MOST_VALUES {
        return Err(format!(
            "the graph holds {all} numbers for each row, at most {MOST_VALUES} are supported"
        ));
    }
    Ok(())
}
