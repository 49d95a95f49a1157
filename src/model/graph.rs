//! From the bytes of an ONNX file to a graph that tract runs.

use super::error::ModelError;
use super::{forest, sigmoid};
use std::collections::{HashMap, HashSet};
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{GraphProto, ModelProto, NodeProto, TensorProto, type_proto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ToDim;

/// The name that marks the scored output where a graph has several.
const OUTPUT: &str = "probabilities";

/// The numbers of the types in `TensorProto`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 11;

/// A number type of a graph's input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    F32,
    F64,
}

/// A graph ready to run: features `[rows, features]` in, scores `[rows, labels]` out.
pub(super) struct Graph {
    pub plan: Arc<TypedRunnableModel>,
    pub input: Precision,
    pub output: Precision,
}

/// Reads the protocol buffer.
pub(super) fn parse(onnx: &[u8], origin: &str) -> Result<ModelProto, ModelError> {
    let not_onnx = |problem: String| ModelError::NotOnnx {
        origin: origin.to_owned(),
        problem,
    };
    let proto = tract_onnx::onnx().proto_model_for_read(&mut &*onnx);
    let proto = proto.map_err(|error| not_onnx(format!("{error:#}")))?;
    // Nearly any short text reads as a protocol buffer of unknown fields.
    if proto.graph.is_none() {
        return Err(not_onnx("it has no graph".to_owned()));
    }
    Ok(proto)
}

/// Prepares the graph to run with this many features and labels.
pub(super) fn build(mut proto: ModelProto, features: usize, labels: usize, origin: &str) -> Result<Graph, ModelError> {
    let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
    forest::register(&mut onnx.op_register);
    sigmoid::register(&mut onnx.op_register);

    let unsuitable = |problem: String| ModelError::Graph {
        origin: origin.to_owned(),
        problem,
    };
    let graph = proto
        .graph
        .as_mut()
        .ok_or_else(|| unsuitable("there is no graph".to_owned()))?;
    let output = keep_scored_output(graph).map_err(unsuitable)?;
    let input = check_input(graph, features).map_err(unsuitable)?;
    for node in &graph.node {
        if !onnx.op_register.0.contains_key(&node.op_type) {
            return Err(ModelError::Operator {
                origin: origin.to_owned(),
                operator: operator_name(node),
                node: node.name.clone(),
            });
        }
    }
    check_names(graph).map_err(unsuitable)?;
    check_tensors(graph).map_err(unsuitable)?;

    let broken = |error: TractError| ModelError::Broken {
        origin: origin.to_owned(),
        problem: format!("{error:#}"),
    };
    let model = optimized(&onnx, &proto, input, features).map_err(broken)?;
    let output = check_output(&model, &output, labels).map_err(unsuitable)?;
    Ok(Graph {
        plan: model.into_runnable().map_err(broken)?,
        input,
        output,
    })
}

fn optimized(
    onnx: &tract_onnx::Onnx,
    proto: &ModelProto,
    input: Precision,
    features: usize,
) -> TractResult<TypedModel> {
    let mut model = onnx.model_for_proto_model(proto)?;
    let rows = model.symbols.new_with_prefix("rows");
    let datum_type = match input {
        Precision::F32 => f32::datum_type(),
        Precision::F64 => f64::datum_type(),
    };
    let fact = datum_type.fact([rows.to_dim(), features.to_dim()]);
    model.set_input_fact(0, fact.into())?;
    model.into_optimized()
}

/// Reduces the graph to what its scores need: label outputs, `ZipMap` and whatever else leads elsewhere go,
/// supported or not. Returns the name of the output.
fn keep_scored_output(graph: &mut GraphProto) -> Result<String, String> {
    let float = |output: &&tract_onnx::pb::ValueInfoProto| matches!(tensor_type(output), None | Some(FLOAT | DOUBLE));
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
    let name = output.name.clone();
    if !producers.contains_key(name.as_str()) {
        return Err(format!("no node of the graph produces the output {name:?}"));
    }

    let mut needed = HashSet::new();
    let mut left = vec![name.as_str()];
    while let Some(name) = left.pop() {
        if needed.insert(name)
            && let Some(&index) = producers.get(name)
        {
            read_by(&graph.node[index], &mut left);
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
    Ok(name)
}

fn keep<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or(false));
}

/// The names that a node reads, those in its sub-graphs included.
fn read_by<'g>(node: &'g NodeProto, names: &mut Vec<&'g str>) {
    names.extend(node.input.iter().filter(|name| !name.is_empty()).map(String::as_str));
    for attribute in &node.attribute {
        for graph in attribute.g.iter().chain(&attribute.graphs) {
            names.extend(graph.output.iter().map(|output| output.name.as_str()));
            graph.node.iter().for_each(|node| read_by(node, names));
        }
    }
}

fn check_input(graph: &GraphProto, features: usize) -> Result<Precision, String> {
    let initialized: HashSet<_> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph
        .input
        .iter()
        .filter(|input| !initialized.contains(input.name.as_str()));
    let inputs: Vec<_> = inputs.collect();
    let [input] = inputs.as_slice() else {
        let count = inputs.len();
        return Err(format!(
            "the scores depend on {count} inputs of the graph, it should be one, of shape [rows, features]"
        ));
    };
    let name = &input.name;
    let precision = match tensor_type(input) {
        Some(FLOAT) => Precision::F32,
        Some(DOUBLE) => Precision::F64,
        _ => return Err(format!("the input {name:?} is not of type float or double")),
    };
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|of| of.value.as_ref()) else {
        return Err(format!("the input {name:?} is not a tensor"));
    };
    let Some(shape) = &tensor.shape else {
        return Ok(precision);
    };
    let [_, width] = shape.dim.as_slice() else {
        let rank = shape.dim.len();
        return Err(format!(
            "the input {name:?} has {rank} dimensions, not rows and features"
        ));
    };
    match width.value {
        Some(Dimension::DimValue(width)) if width != features as i64 => Err(format!(
            "the input {name:?} takes {width} features, but the metadata names {features}"
        )),
        _ => Ok(precision),
    }
}

fn tensor_type(value: &tract_onnx::pb::ValueInfoProto) -> Option<i32> {
    let type_proto::Value::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type)
}

/// Every node reads what another produces, what is given, or an input.
fn check_names(graph: &GraphProto) -> Result<(), String> {
    let produced = graph.node.iter().flat_map(|node| &node.output);
    let given = graph.initializer.iter().map(|tensor| &tensor.name);
    let inputs = graph.input.iter().map(|input| &input.name);
    let known: HashSet<_> = produced.chain(given).chain(inputs).collect();
    for node in &graph.node {
        if let Some(name) = node.input.iter().find(|name| !name.is_empty() && !known.contains(name)) {
            let operator = operator_name(node);
            return Err(format!(
                "{operator} reads {name:?}, which nothing in the graph produces"
            ));
        }
    }
    Ok(())
}

/// tract panics on raw data of types for which it has no reader.
fn check_tensors(graph: &GraphProto) -> Result<(), String> {
    let attributes = graph.node.iter().flat_map(|node| &node.attribute);
    let attributes = attributes.filter_map(|attribute| attribute.t.as_ref());
    for tensor in graph.initializer.iter().chain(attributes) {
        let TensorProto { name, data_type, .. } = tensor;
        // Float, the integers but 4-bit ones, string, bool, half and double.
        if !(1..=13).contains(data_type) || (*data_type == 8 && !tensor.raw_data.is_empty()) {
            return Err(format!("the tensor {name:?} has the unsupported type {data_type}"));
        }
    }
    Ok(())
}

fn check_output(model: &TypedModel, name: &str, labels: usize) -> Result<Precision, String> {
    let input = model.input_fact(0).map_err(|error| format!("{error:#}"))?;
    let fact = model.output_fact(0).map_err(|error| format!("{error:#}"))?;
    let shape = fact.shape.to_tvec();
    if shape.len() != 2 || shape[0] != input.shape[0] || shape[1] != labels.to_dim() {
        let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
        let shape = shape.join(", ");
        return Err(format!(
            "the output {name:?} has the shape [{shape}], but it should be [{}, {labels}]: a row for each \
             row of features, a column for each label",
            input.shape[0]
        ));
    }
    match fact.datum_type {
        DatumType::F32 => Ok(Precision::F32),
        DatumType::F64 => Ok(Precision::F64),
        other => Err(format!("the output {name:?} is of type {other:?}, not float or double")),
    }
}

fn operator_name(node: &NodeProto) -> String {
    match node.domain.as_str() {
        "" => node.op_type.clone(),
        domain => format!("{domain}.{}", node.op_type),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tract_onnx::pb::ValueInfoProto;

    /// A classifier of two float features with the outputs `label` and `probabilities`.
    fn classifier() -> ModelProto {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trees/v1_all_0_logistic.onnx");
        parse(&std::fs::read(path).unwrap(), "it").unwrap()
    }

    fn node(operator: &str, input: &str, output: &str) -> NodeProto {
        NodeProto {
            op_type: operator.to_owned(),
            input: vec![input.to_owned()],
            output: vec![output.to_owned()],
            ..Default::default()
        }
    }

    fn refused(change: impl FnOnce(&mut GraphProto)) -> String {
        let mut proto = classifier();
        change(proto.graph.as_mut().unwrap());
        let Err(error) = build(proto, 2, 2, "it") else {
            panic!("not refused");
        };
        error.to_string()
    }

    fn input_tensor(graph: &mut GraphProto) -> &mut type_proto::Tensor {
        let Some(type_proto::Value::TensorType(tensor)) = graph.input[0].r#type.as_mut().unwrap().value.as_mut() else {
            panic!("not a tensor");
        };
        tensor
    }

    #[test]
    fn what_leads_elsewhere_than_to_the_scores_does_not_matter() {
        let mut proto = classifier();
        let graph = proto.graph.as_mut().unwrap();
        // As skl2onnx and onnxmltools end their files.
        graph.node.push(node("Unheard", "label", "output_label"));
        graph.node.push(node("ZipMap", "probabilities", "maps"));
        graph.output = ["output_label", "maps"].map(value).to_vec();
        graph.output[0].r#type = graph.input[0].r#type.clone();
        if let Some(type_proto::Value::TensorType(tensor)) = graph.output[0].r#type.as_mut().unwrap().value.as_mut() {
            tensor.elem_type = 7;
        }
        let graph = build(proto, 2, 2, "it").unwrap();
        assert_eq!((graph.input, graph.output), (Precision::F32, Precision::F32));
    }

    fn value(name: &str) -> ValueInfoProto {
        ValueInfoProto {
            name: name.to_owned(),
            ..Default::default()
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (
                refused(|graph| graph.output.clear()),
                "it: the graph has no output of type float or double",
            ),
            (
                refused(|graph| graph.output = ["a", "b"].map(value).to_vec()),
                "it: the graph has several outputs of type float or double: call the scored one `probabilities`",
            ),
            (
                refused(|graph| graph.output = vec![value("scores")]),
                "it: no node of the graph produces the output \"scores\"",
            ),
            (
                refused(|graph| graph.node.push(node("Identity", "label", "probabilities"))),
                "it: two nodes of the graph produce \"probabilities\"",
            ),
            (
                refused(|graph| graph.node[0].input[0] = "rows".to_owned()),
                "it: the scores depend on 0 inputs of the graph, it should be one, of shape [rows, features]",
            ),
            (
                refused(|graph| {
                    graph.node[0].input[0] = "scaled".to_owned();
                    graph.node.push(node("Scaler", "features", "scaled"));
                }),
                "it: the operator Scaler (node \"\") is not supported",
            ),
            (
                refused(|graph| graph.node[0].input.push("weights".to_owned())),
                "it: ai.onnx.ml.TreeEnsembleClassifier reads \"weights\", which nothing in the graph produces",
            ),
            (
                refused(|graph| input_tensor(graph).elem_type = 7),
                "it: the input \"features\" is not of type float or double",
            ),
            (
                refused(|graph| {
                    input_tensor(graph).shape.as_mut().unwrap().dim.pop();
                }),
                "it: the input \"features\" has 1 dimensions, not rows and features",
            ),
        ];
        for (got, expected) in cases {
            assert_eq!(got, expected);
        }
        let Err(error) = build(classifier(), 3, 2, "it") else {
            panic!("not refused");
        };
        let expected = "it: the input \"features\" takes 2 features, but the metadata names 3";
        assert_eq!(error.to_string(), expected);
    }
}
