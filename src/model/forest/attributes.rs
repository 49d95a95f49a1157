//! Reading `TreeEnsemble` of ai.onnx.ml 5.

use super::ensemble::{Aggregate, Branch, Child, Ensemble, Parts, Test, Weight};
use super::operator::{Finish, Forest, TreeOperator};
use super::transform::Transform;
use crate::model::real::Real;
use std::ops::Range;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

type Parsed = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// Targets or classes of an ensemble, so that a broken file cannot ask for scores that do not fit the memory.
pub(super) const MOST_TARGETS: usize = 1024;

/// Nodes of an ensemble, which take about 200 bytes each while they are read.
pub(super) const MOST_NODES: usize = 4_000_000;

/// Builds the operator from a node of the graph.
pub(super) fn tree_ensemble(context: &ParsingContext, node: &NodeProto) -> Parsed {
    let splits = tensor(context, node, "nodes_splits")?;
    let forest = match splits.datum_type() {
        DatumType::F32 => Forest::from(ensemble::<f32>(context, node, &splits)?),
        DatumType::F64 => Forest::from(ensemble::<f64>(context, node, &splits)?),
        other => bail!("nodes_splits is of type {other:?}, only float and double are supported"),
    };
    let number = node.get_attr_opt::<i64>("post_transform")?.unwrap_or(0);
    let transform = Transform::by_number(number)
        .with_context(|| format!("post_transform is {number}, it should be within 0 and 4"))?;
    Ok((
        TreeOperator::boxed("TreeEnsemble", forest, Finish::Scores(transform)),
        vec![],
    ))
}

fn ensemble<T: Real>(context: &ParsingContext, node: &NodeProto, splits: &Tensor) -> TractResult<Ensemble<T>> {
    let splits = values::<T>("nodes_splits", splits)?;
    let nodes = splits.len();
    ensure!(
        nodes <= MOST_NODES,
        "there are {nodes} nodes, at most {MOST_NODES} are supported"
    );
    let modes = tensor(context, node, "nodes_modes")?;
    let modes = modes.cast_to::<u8>()?;
    let modes = values::<u8>("nodes_modes", &modes)?;
    expect_length("nodes_modes", modes.len(), nodes)?;
    let features = indices(node, "nodes_featureids", nodes)?;
    let on_true = children(node, "nodes_truenodeids", "nodes_trueleafs", nodes)?;
    let on_false = children(node, "nodes_falsenodeids", "nodes_falseleafs", nodes)?;
    let missing_is_true = flags(node, "nodes_missing_value_tracks_true", nodes)?;

    let weights = tensor(context, node, "leaf_weights")?;
    let weights = values::<T>("leaf_weights", &weights)?;
    let targets = indices(node, "leaf_targetids", weights.len())?;

    let members = match node.get_attr_opt::<&TensorProto>("membership_values")? {
        Some(proto) => values::<T>("membership_values", &context.load_tensor(proto)?)?,
        None => vec![],
    };
    let mut sets = member_sets(&members).into_iter();
    let mut branches = Vec::with_capacity(nodes);
    for (position, (&mode, &split)) in modes.iter().zip(&splits).enumerate() {
        let test = match mode {
            0 => Test::LessOrEqual(split),
            1 => Test::Less(split),
            2 => Test::GreaterOrEqual(split),
            3 => Test::Greater(split),
            4 => Test::Equal(split),
            5 => Test::NotEqual(split),
            6 => Test::Member(
                sets.next()
                    .with_context(|| format!("membership_values has no set for node {position}, a BRANCH_MEMBER"))?,
            ),
            _ => bail!("nodes_modes[{position}] is {mode}, it should be within 0 and 6"),
        };
        branches.push(Branch {
            feature: features[position],
            test,
            missing_is_true: missing_is_true[position],
            on_true: on_true[position],
            on_false: on_false[position],
        });
    }
    let left = sets.count();
    ensure!(
        left == 0,
        "membership_values has {left} sets more than there are BRANCH_MEMBER nodes"
    );

    let roots = node.get_attr_slice::<i64>("tree_roots")?;
    let roots = to_indices("tree_roots", roots)?
        .into_iter()
        .map(Child::Branch)
        .collect();
    let leaves = (0..weights.len() as u32).map(|leaf| leaf..leaf + 1).collect();
    let weights = targets.iter().zip(&weights);
    let parts = Parts {
        roots,
        branches,
        leaves,
        weights: weights.map(|(&target, &value)| Weight { target, value }).collect(),
        members,
        aggregate: aggregate(node)?,
        base: vec![],
        targets: targets_count(node)?,
    };
    Ok(Ensemble::new(parts)?)
}

/// The sets of members, one after the other in the order of the nodes that ask for membership. A NaN closes
/// a set; it may be left out behind the last one.
fn member_sets<T: Real>(members: &[T]) -> Vec<Range<u32>> {
    let mut sets = Vec::new();
    let mut start = 0;
    for (position, member) in members.iter().enumerate() {
        if member.is_nan() {
            sets.push(start as u32..position as u32);
            start = position + 1;
        }
    }
    if start < members.len() {
        sets.push(start as u32..members.len() as u32);
    }
    sets
}

fn aggregate(node: &NodeProto) -> TractResult<Aggregate> {
    Ok(match node.get_attr_opt::<i64>("aggregate_function")?.unwrap_or(1) {
        0 => Aggregate::Average,
        1 => Aggregate::Sum,
        2 => Aggregate::Min,
        3 => Aggregate::Max,
        other => bail!("aggregate_function is {other}, it should be within 0 and 3"),
    })
}

pub(super) fn targets_count(node: &NodeProto) -> TractResult<usize> {
    let targets = node.get_attr_opt::<i64>("n_targets")?;
    let targets = targets.context("n_targets is missing")?;
    ensure!(
        (1..=MOST_TARGETS as i64).contains(&targets),
        "n_targets is {targets}, it should be within 1 and {MOST_TARGETS}"
    );
    Ok(targets as usize)
}

fn children(node: &NodeProto, ids: &'static str, leaves: &'static str, nodes: usize) -> TractResult<Vec<Child>> {
    let is_leaf = node.get_attr_slice::<i64>(leaves)?;
    expect_length(leaves, is_leaf.len(), nodes)?;
    let ids = indices(node, ids, nodes)?.into_iter().zip(is_leaf);
    Ok(ids
        .map(
            |(id, &leaf)| {
                if leaf == 0 { Child::Branch(id) } else { Child::Leaf(id) }
            },
        )
        .collect())
}

/// A list of one flag a node, all false where the attribute is not there.
pub(super) fn flags(node: &NodeProto, name: &'static str, nodes: usize) -> TractResult<Vec<bool>> {
    match node.get_attr_opt_slice::<i64>(name)? {
        None | Some([]) => Ok(vec![false; nodes]),
        Some(flags) => {
            expect_length(name, flags.len(), nodes)?;
            Ok(flags.iter().map(|&flag| flag != 0).collect())
        }
    }
}

/// A list of `expected` indices.
pub(super) fn indices(node: &NodeProto, name: &'static str, expected: usize) -> TractResult<Vec<u32>> {
    let values = node.get_attr_slice::<i64>(name)?;
    expect_length(name, values.len(), expected)?;
    to_indices(name, values)
}

fn to_indices(name: &'static str, values: &[i64]) -> TractResult<Vec<u32>> {
    let index = |(position, &value): (usize, &i64)| {
        u32::try_from(value).with_context(|| format!("{name}[{position}] is {value}, not an index"))
    };
    values.iter().enumerate().map(index).collect()
}

pub(super) fn expect_length(name: &str, got: usize, expected: usize) -> TractResult<()> {
    ensure!(got == expected, "{name} has {got} values, it should have {expected}");
    Ok(())
}

fn tensor(context: &ParsingContext, node: &NodeProto, name: &str) -> TractResult<Tensor> {
    context.load_tensor(node.get_attr::<&TensorProto>(name)?)
}

/// All values of a tensor, row by row.
pub(super) fn values<T: Datum + Copy>(name: &str, tensor: &Tensor) -> TractResult<Vec<T>> {
    ensure!(
        tensor.datum_type() == T::datum_type(),
        "{name} is of type {:?}, it should be {:?}",
        tensor.datum_type(),
        T::datum_type()
    );
    Ok(tensor.try_as_plain_ram()?.as_slice::<T>()?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_members_are_closed_by_nan() {
        let nan = f64::NAN;
        assert!(member_sets::<f64>(&[]).is_empty());
        assert_eq!(member_sets(&[1.0, 2.0, nan, nan, 3.0, nan]), [0..2, 3..3, 4..5]);
        assert_eq!(member_sets(&[1.0, nan, 2.0]), [0..1, 2..3]);
    }
}
