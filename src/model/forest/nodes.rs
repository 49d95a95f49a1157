//! The nodes of `TreeEnsembleClassifier` and `TreeEnsembleRegressor`: one table for all trees, with the weights of the
//! leaves in another.

use super::attributes::{MOST_NODES, expect_length, flags, indices, values};
use super::ensemble::{Branch, Child, Test, Weight};
use crate::model::real::Real;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

/// What the attributes are called that say what the leaves give.
pub(super) struct Names {
    trees: &'static str,
    nodes: &'static str,
    targets: &'static str,
    weights: &'static str,
    weights_as_tensor: &'static str,
}

pub(super) const CLASSES: Names = Names {
    trees: "class_treeids",
    nodes: "class_nodeids",
    targets: "class_ids",
    weights: "class_weights",
    weights_as_tensor: "class_weights_as_tensor",
};

pub(super) const TARGETS: Names = Names {
    trees: "target_treeids",
    nodes: "target_nodeids",
    targets: "target_ids",
    weights: "target_weights",
    weights_as_tensor: "target_weights_as_tensor",
};

/// Trees as [`Parts`](super::ensemble::Parts) want them.
pub(super) struct Trees<T> {
    pub roots: Vec<Child>,
    pub branches: Vec<Branch<T>>,
    pub leaves: Vec<Range<u32>>,
    pub weights: Vec<Weight<T>>,
}

impl<T: Real> Trees<T> {
    pub fn read(context: &ParsingContext, node: &NodeProto, names: &Names) -> TractResult<Self> {
        let splits = reals::<T>(context, node, "nodes_values", "nodes_values_as_tensor")?;
        let table = Table::read(node, splits.len())?;
        let (branches, roots) = branches(node, &table, &splits)?;
        let (leaves, weights) = leaves(context, node, &table, names)?;
        Ok(Trees {
            roots,
            branches,
            leaves,
            weights,
        })
    }
}

/// The numbers that are added to the scores.
pub(super) fn base_values<T: Real>(context: &ParsingContext, node: &NodeProto) -> TractResult<Vec<T>> {
    reals::<T>(context, node, "base_values", "base_values_as_tensor")
}

/// Whether any number of the trees is given as a double.
pub(super) fn has_doubles(context: &ParsingContext, node: &NodeProto, names: &Names) -> TractResult<bool> {
    for name in [
        "nodes_values_as_tensor",
        names.weights_as_tensor,
        "base_values_as_tensor",
    ] {
        if let Some(tensor) = node.get_attr_opt::<&TensorProto>(name)?
            && context.load_tensor(tensor)?.datum_type() == f64::datum_type()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The nodes by tree and id, as branches and leaves.
struct Table<'n> {
    trees: &'n [i64],
    modes: Vec<&'n str>,
    children: Vec<Child>,
    by_id: HashMap<(i64, i64), Child>,
    leaves: usize,
}

impl<'n> Table<'n> {
    fn read(node: &'n NodeProto, nodes: usize) -> TractResult<Self> {
        ensure!(
            nodes <= MOST_NODES,
            "there are {nodes} nodes, at most {MOST_NODES} are supported"
        );
        let trees = node.get_attr_slice::<i64>("nodes_treeids")?;
        let ids = node.get_attr_slice::<i64>("nodes_nodeids")?;
        let modes = node.get_attr_vec::<&str>("nodes_modes")?;
        expect_length("nodes_treeids", trees.len(), nodes)?;
        expect_length("nodes_nodeids", ids.len(), nodes)?;
        expect_length("nodes_modes", modes.len(), nodes)?;
        let (mut branches, mut leaves) = (0, 0);
        let mut children = Vec::with_capacity(nodes);
        let mut by_id = HashMap::with_capacity(nodes);
        for (position, mode) in modes.iter().enumerate() {
            let (count, child): (&mut u32, fn(u32) -> Child) = match *mode {
                "LEAF" => (&mut leaves, Child::Leaf),
                _ => (&mut branches, Child::Branch),
            };
            let child = child(*count);
            *count += 1;
            children.push(child);
            let (tree, id) = (trees[position], ids[position]);
            let earlier = by_id.insert((tree, id), child);
            ensure!(earlier.is_none(), "tree {tree} has two nodes with id {id}");
        }
        let leaves = leaves as usize;
        Ok(Table {
            trees,
            modes,
            children,
            by_id,
            leaves,
        })
    }

    /// The node that the value at a position of an attribute names.
    fn find(&self, name: &str, position: usize, tree: i64, id: i64) -> TractResult<Child> {
        let child = self.by_id.get(&(tree, id)).copied();
        child.with_context(|| format!("{name}[{position}]: tree {tree} has no node with id {id}"))
    }
}

/// The range of weights of each leaf, and the weights.
type Leaves<T> = (Vec<Range<u32>>, Vec<Weight<T>>);

/// The leaves with their weights: those of a leaf follow each other, in the order of the file.
fn leaves<T: Real>(context: &ParsingContext, node: &NodeProto, table: &Table, names: &Names) -> TractResult<Leaves<T>> {
    let weights = reals::<T>(context, node, names.weights, names.weights_as_tensor)?;
    let targets = indices(node, names.targets, weights.len())?;
    let trees = node.get_attr_slice::<i64>(names.trees)?;
    let ids = node.get_attr_slice::<i64>(names.nodes)?;
    expect_length(names.trees, trees.len(), weights.len())?;
    expect_length(names.nodes, ids.len(), weights.len())?;
    let mut entries = Vec::with_capacity(weights.len());
    for (position, (&tree, &id)) in trees.iter().zip(ids).enumerate() {
        match table.find(names.nodes, position, tree, id)? {
            Child::Leaf(leaf) => entries.push((leaf, position)),
            Child::Branch(_) => {
                bail!("{}[{position}]: node {id} of tree {tree} is not a leaf", names.nodes)
            }
        }
    }
    entries.sort_unstable();
    let mut leaves = vec![0..0; table.leaves];
    let mut ordered = Vec::with_capacity(weights.len());
    for (leaf, position) in entries {
        let next = ordered.len() as u32;
        let range: &mut Range<u32> = &mut leaves[leaf as usize];
        *range = if range.end == 0 {
            next..next + 1
        } else {
            range.start..next + 1
        };
        ordered.push(Weight {
            target: targets[position],
            value: weights[position],
        });
    }
    Ok((leaves, ordered))
}

/// The branches, and the root of each tree: its first node.
fn branches<T: Real>(node: &NodeProto, table: &Table, splits: &[T]) -> TractResult<(Vec<Branch<T>>, Vec<Child>)> {
    const ON_TRUE: &str = "nodes_truenodeids";
    const ON_FALSE: &str = "nodes_falsenodeids";
    let features = node.get_attr_slice::<i64>("nodes_featureids")?;
    let on_true = node.get_attr_slice::<i64>(ON_TRUE)?;
    let on_false = node.get_attr_slice::<i64>(ON_FALSE)?;
    expect_length("nodes_featureids", features.len(), splits.len())?;
    expect_length(ON_TRUE, on_true.len(), splits.len())?;
    expect_length(ON_FALSE, on_false.len(), splits.len())?;
    let missing_is_true = flags(node, "nodes_missing_value_tracks_true", splits.len())?;
    let mut branches = Vec::new();
    let mut roots = Vec::new();
    let mut trees = HashSet::new();
    for (position, &split) in splits.iter().enumerate() {
        let tree = table.trees[position];
        if trees.insert(tree) {
            roots.push(table.children[position]);
        }
        let test = match table.modes[position] {
            "LEAF" => continue,
            "BRANCH_LEQ" => Test::LessOrEqual(split),
            "BRANCH_LT" => Test::Less(split),
            "BRANCH_GTE" => Test::GreaterOrEqual(split),
            "BRANCH_GT" => Test::Greater(split),
            "BRANCH_EQ" => Test::Equal(split),
            "BRANCH_NEQ" => Test::NotEqual(split),
            other => bail!("nodes_modes[{position}] is {other}, which is not one of ONNX's"),
        };
        let feature = features[position];
        branches.push(Branch {
            feature: u32::try_from(feature).with_context(|| format!("nodes_featureids[{position}] is {feature}"))?,
            test,
            missing_is_true: missing_is_true[position],
            on_true: table.find(ON_TRUE, position, tree, on_true[position])?,
            on_false: table.find(ON_FALSE, position, tree, on_false[position])?,
        });
    }
    Ok((branches, roots))
}

/// Numbers as a list of floats or as a tensor of floats or doubles; none where there is neither.
fn reals<T: Real>(context: &ParsingContext, node: &NodeProto, list: &str, tensor: &str) -> TractResult<Vec<T>> {
    let floats = node.get_attr_opt_slice::<f32>(list)?.unwrap_or_default();
    let widened = |floats: &[f32]| floats.iter().map(|&value| T::from_f64(f64::from(value))).collect();
    let Some(proto) = node.get_attr_opt::<&TensorProto>(tensor)? else {
        return Ok(widened(floats));
    };
    let loaded = context.load_tensor(proto)?;
    if loaded.len() == 0 {
        return Ok(widened(floats));
    }
    ensure!(floats.is_empty(), "{list} and {tensor} exclude each other");
    match loaded.datum_type() {
        DatumType::F32 => Ok(widened(&values::<f32>(tensor, &loaded)?)),
        _ => values::<T>(tensor, &loaded),
    }
}
