//! Reading `TreeEnsembleRegressor` of ai.onnx.ml 1 to 3.

use super::attributes::{expect_length, targets_count};
use super::ensemble::{Aggregate, Ensemble, Parts};
use super::nodes::{self, TARGETS, Trees};
use super::operator::{Finish, Forest, TreeOperator};
use super::transform::Transform;
use crate::model::real::Real;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// Builds the operator from a node of the graph.
///
/// The transform is applied to a single target, too, as the specification says. (onnxruntime up to 1.31 applies only
/// PROBIT to it.)
pub(super) fn tree_ensemble_regressor(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let transform = Transform::of(node)?;
    let forest = if nodes::has_doubles(context, node, &TARGETS)? {
        Forest::from(ensemble::<f64>(context, node)?)
    } else {
        Forest::from(ensemble::<f32>(context, node)?)
    };
    let finish = Finish::Targets(transform);
    Ok((TreeOperator::boxed("TreeEnsembleRegressor", forest, finish), vec![]))
}

fn ensemble<T: Real>(context: &ParsingContext, node: &NodeProto) -> TractResult<Ensemble<T>> {
    let targets = targets_count(node)?;
    let base = nodes::base_values::<T>(context, node)?;
    if !base.is_empty() {
        expect_length("base_values", base.len(), targets)?;
    }
    let Trees {
        roots,
        branches,
        leaves,
        weights,
    } = Trees::read(context, node, &TARGETS)?;
    Ok(Ensemble::new(Parts {
        roots,
        branches,
        leaves,
        weights,
        members: vec![],
        aggregate: aggregate(node)?,
        base,
        targets,
    })?)
}

fn aggregate(node: &NodeProto) -> TractResult<Aggregate> {
    Ok(
        match node.get_attr_opt::<&str>("aggregate_function")?.unwrap_or("SUM") {
            "SUM" => Aggregate::Sum,
            "AVERAGE" => Aggregate::Average,
            "MIN" => Aggregate::Min,
            "MAX" => Aggregate::Max,
            other => bail!("aggregate_function is {other}, which is not one of ONNX's"),
        },
    )
}
