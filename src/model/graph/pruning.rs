//! What of a graph its scores need.

use super::complement;
use super::inputs::tensor_type;
use super::{DOUBLE, FLOAT};
use crate::model::shown;
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::{GraphProto, ValueInfoProto};

/// The name that marks the scored output where a graph has several.
const OUTPUT: &str = "probabilities";

/// Reduces the graph to what its scores need: label outputs, `ZipMap` and whatever else leads elsewhere go,
/// supported or not. Returns the name of the output, and where it is one probability of two that the graph gave, which.
pub(super) fn keep_scored_output(graph: &mut GraphProto) -> Result<(String, Option<usize>), String> {
    let float = |output: &&ValueInfoProto| matches!(tensor_type(output), None | Some(FLOAT | DOUBLE));
    let named = graph.output.iter().position(|output| output.name == OUTPUT);
    let mut floats = graph.output.iter().enumerate().filter(|(_, output)| float(output));
    let position = match (named, floats.next(), floats.next()) {
        (Some(named), _, _) => named,
        (None, Some((only, _)), None) => only,
        (None, None, _) => return Err("the graph has no output of type float or double".to_owned()),
        (None, Some(_), Some(_)) => {
            return Err(format!(
                "the graph has several outputs of type float or double: call the scored one `{OUTPUT}`"
            ));
        }
    };
    let mut output = graph.output.swap_remove(position);

    let mut producers = HashMap::new();
    for (index, node) in graph.node.iter().enumerate() {
        for name in node.output.iter().filter(|name| !name.is_empty()) {
            if producers.insert(name.as_str(), index).is_some() {
                let name = shown::name(name);
                return Err(format!("two nodes of the graph produce {name:?}"));
            }
        }
    }
    // A map for each row, of the very scores that go into it.
    if let Some(node) = producers.get(output.name.as_str()).map(|&index| &graph.node[index])
        && node.op_type == "ZipMap"
        && let [scores] = node.input.as_slice()
    {
        output.name.clone_from(scores);
    }
    let complement = complement::find(graph, &producers, &output.name);
    let column = complement.as_ref().map(|&(_, column)| column);
    if let Some((probability, _)) = complement {
        output.name = probability;
    }
    let name = output.name.clone();
    if !producers.contains_key(name.as_str()) {
        let name = shown::name(&name);
        return Err(format!("no node of the graph produces the output {name:?}"));
    }

    let mut needed = HashSet::new();
    let mut left = vec![name.as_str()];
    while let Some(name) = left.pop() {
        if needed.insert(name)
            && let Some(&index) = producers.get(name)
        {
            let inputs = graph.node[index].input.iter();
            left.extend(inputs.filter(|name| !name.is_empty()).map(String::as_str));
        }
    }
    let kept: Vec<bool> = graph
        .node
        .iter()
        .map(|node| node.output.iter().any(|name| needed.contains(name.as_str())))
        .collect();
    let initial: Vec<bool> = graph
        .initializer
        .iter()
        .map(|tensor| needed.contains(tensor.name.as_str()))
        .collect();
    let input: Vec<bool> = graph
        .input
        .iter()
        .map(|input| needed.contains(input.name.as_str()))
        .collect();
    keep(&mut graph.node, &kept);
    keep(&mut graph.initializer, &initial);
    keep(&mut graph.input, &input);
    output.r#type = None;
    graph.output = vec![output];
    Ok((name, column))
}

fn keep<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or(false));
}
