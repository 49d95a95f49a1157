//! From the bytes of an ONNX file to a graph that tract runs.

mod complement;
mod inputs;
mod operators;
mod output;
mod pruning;
mod soundness;
mod wire;

pub(super) use inputs::{Inputs, Part};
#[cfg(test)]
pub(super) use operators::framework;
pub(super) use output::{Form, Output};

use super::error::ModelError;
use super::forest;
use super::shown;
use tract_onnx::pb::{ModelProto, NodeProto};
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ToDim;

/// The numbers of the types in `TensorProto`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 11;

/// A number type of a graph's input or output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Precision {
    F32,
    F64,
}

/// A graph ready to run: features `[rows, features]` in, in one or several parts, scores out.
pub(super) struct Graph {
    pub plan: Arc<TypedRunnableModel>,
    pub inputs: Inputs,
    pub output: Output,
    /// Why its trees have no kernel; `None` where they have one.
    pub no_kernel: Option<String>,
}

impl Graph {
    /// A state of its own for a thread. `origin` is what errors call the model.
    pub fn spawn(&self, origin: &str) -> Result<TypedSimpleState, ModelError> {
        self.plan.spawn().map_err(|error| ModelError::Broken {
            origin: origin.to_owned(),
            problem: format!("{error:#}"),
        })
    }
}

/// Reads the protocol buffer.
pub(super) fn parse(onnx: &[u8], origin: &str) -> Result<ModelProto, ModelError> {
    let not_onnx = |problem: String| ModelError::NotOnnx {
        origin: origin.to_owned(),
        problem,
    };
    if wire::memory(onnx) > wire::MOST_MEMORY {
        let most = wire::MOST_MEMORY;
        return Err(not_onnx(format!(
            "reading it would take more than {most} bytes of memory"
        )));
    }
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
    let unsuitable = |problem: String| ModelError::Graph {
        origin: origin.to_owned(),
        problem,
    };
    let graph = proto
        .graph
        .as_mut()
        .ok_or_else(|| unsuitable("there is no graph".to_owned()))?;
    let all_inputs = inputs::of(graph);
    let (output, column) = pruning::keep_scored_output(graph).map_err(unsuitable)?;
    let onnx = operators::framework();
    if let Some(node) = graph.node.iter().find(|node| !operators::supports(&onnx, node)) {
        return Err(ModelError::Operator {
            origin: origin.to_owned(),
            operator: operator_name(node),
            node: node.name.clone(),
        });
    }
    soundness::check(graph).map_err(unsuitable)?;
    let inputs = Inputs::new(&all_inputs, graph, features).map_err(unsuitable)?;

    let broken = |error: TractError| ModelError::Broken {
        origin: origin.to_owned(),
        problem: format!("{error:#}"),
    };
    let (model, rows) = typed(&onnx, &proto, &inputs).map_err(broken)?;
    soundness::check_sizes(&model, &rows).map_err(unsuitable)?;
    let model = model.into_optimized().map_err(broken)?;
    let output = Output::new(&model, &rows, &output, column, labels).map_err(unsuitable)?;
    Ok(Graph {
        no_kernel: forest::no_kernel(&model),
        plan: model.into_runnable().map_err(broken)?,
        inputs,
        output,
    })
}

/// The graph with all its types and shapes, and the symbol for the number of rows.
fn typed(onnx: &tract_onnx::Onnx, proto: &ModelProto, inputs: &Inputs) -> TractResult<(TypedModel, Symbol)> {
    let mut model = onnx.model_for_proto_model(proto)?;
    let rows = model.symbols.new_with_prefix("rows");
    for (position, part) in inputs.parts().iter().enumerate() {
        let datum_type = match part.precision {
            Precision::F32 => f32::datum_type(),
            Precision::F64 => f64::datum_type(),
        };
        let fact = datum_type.fact([rows.to_dim(), part.columns.len().to_dim()]);
        model.set_input_fact(position, fact.into())?;
    }
    Ok((model.into_typed()?, rows))
}

fn operator_name(node: &NodeProto) -> String {
    let operator = shown::name(&node.op_type);
    match node.domain.as_str() {
        "" => operator.into_owned(),
        domain => format!("{}.{operator}", shown::name(domain)),
    }
}

#[cfg(test)]
mod tests;
