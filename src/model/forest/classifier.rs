//! Reading `TreeEnsembleClassifier` of ai.onnx.ml 1 to 3.

use super::attributes::{expect_length, flags, indices, values};
use super::ensemble::{Aggregate, Branch, Child, Ensemble, Parts, Test, Weight};
use super::operator::{Finish, Forest, Labels, TreeOperator};
use super::transform::{Transform, logistic};
use crate::model::real::Real;
use std::collections::{HashMap, HashSet};
use std::ops::Range;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::{NodeProto, TensorProto};
use tract_onnx::tract_hir::internal::*;

type Parsed = TractResult<(Box<dyn InferenceOp>, Vec<String>)>;

/// How the scores of an ensemble become those of the classes.
///
/// Where the specification is silent this follows onnxruntime, with which exporters test their files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// The ensemble scores each class.
    EachClass,
    /// The ensemble has one score for two classes, a share of the second.
    Share,
    /// The ensemble has one score for two classes, positive where the second is likelier.
    Sign,
}

impl Layout {
    /// Writes the class scores of a row, which are floats whatever the ensemble computes in.
    pub fn write<T: Real>(self, transform: Transform, row: &[T], classes: &mut [f32]) {
        for (class, score) in classes.iter_mut().zip(row) {
            *class = score.to_f32();
        }
        if self == Layout::EachClass {
            return transform.apply(classes);
        }
        // The operator gives such a layout one score, now in the first place, and two classes.
        let [negative, positive] = classes else {
            return;
        };
        *positive = *negative;
        *negative = if self == Layout::Share {
            1.0 - *positive
        } else {
            -*positive
        };
        match transform {
            Transform::Logistic => {
                *negative = logistic(-*positive);
                *positive = logistic(*positive);
            }
            Transform::Probit => transform.apply(classes),
            Transform::None | Transform::Softmax | Transform::SoftmaxZero => {}
        }
    }
}

/// Builds the operator from a node of the graph.
pub(super) fn tree_ensemble_classifier(context: &ParsingContext, node: &NodeProto) -> Parsed {
    let name = node.get_attr_opt::<&str>("post_transform")?.unwrap_or("NONE");
    let transform =
        Transform::by_name(name).with_context(|| format!("post_transform is {name}, which is not one of ONNX's"))?;
    let labels = labels(node)?;
    let as_doubles = [
        "nodes_values_as_tensor",
        "class_weights_as_tensor",
        "base_values_as_tensor",
    ];
    let mut doubles = false;
    for name in as_doubles {
        if let Some(tensor) = node.get_attr_opt::<&TensorProto>(name)? {
            doubles |= context.load_tensor(tensor)?.datum_type() == f64::datum_type();
        }
    }
    let (forest, layout) = if doubles {
        let (ensemble, layout) = ensemble::<f64>(context, node, labels.len())?;
        (Forest::from(ensemble), layout)
    } else {
        let (ensemble, layout) = ensemble::<f32>(context, node, labels.len())?;
        (Forest::from(ensemble), layout)
    };
    let finish = Finish::Classes {
        layout,
        transform,
        labels,
    };
    Ok((TreeOperator::boxed("TreeEnsembleClassifier", forest, finish), vec![]))
}

fn labels(node: &NodeProto) -> TractResult<Labels> {
    let numbers = node
        .get_attr_opt_slice::<i64>("classlabels_int64s")?
        .unwrap_or_default();
    let texts = node
        .get_attr_opt_vec::<String>("classlabels_strings")?
        .unwrap_or_default();
    let labels = match (numbers, texts.as_slice()) {
        ([], texts) => Labels::Texts(texts.to_vec()),
        (numbers, []) => Labels::Numbers(numbers.to_vec()),
        _ => bail!("classlabels_int64s and classlabels_strings exclude each other"),
    };
    ensure!(
        labels.len() >= 2,
        "there are {} class labels, at least two are needed",
        labels.len()
    );
    Ok(labels)
}

fn ensemble<T: Real>(context: &ParsingContext, node: &NodeProto, classes: usize) -> TractResult<(Ensemble<T>, Layout)> {
    let splits = reals::<T>(context, node, "nodes_values", "nodes_values_as_tensor")?;
    let weights = reals::<T>(context, node, "class_weights", "class_weights_as_tensor")?;
    let base = reals::<T>(context, node, "base_values", "base_values_as_tensor")?;
    let class_ids = indices(node, "class_ids", weights.len())?;
    if let Some(id) = class_ids.iter().find(|&&id| id as usize >= classes) {
        bail!("class_ids has class {id}, but there are only {classes} class labels");
    }

    // A file with two classes may give weights for the first only, and means the second.
    let single = classes == 2 && !weights.is_empty() && class_ids.iter().all(|&id| id == 0);
    let layout = match single {
        false => Layout::EachClass,
        true if weights.iter().all(|&weight| weight >= T::ZERO) => Layout::Share,
        true => Layout::Sign,
    };
    let targets = if single { 1 } else { classes };
    let base = match base.len() {
        // The ONNX reference takes the first of two, too.
        1 | 2 if single => vec![base[0]],
        count if count == 0 || count == classes => base,
        // onnxruntime adds a single base value to the first of two classes.
        1 if classes == 2 => vec![base[0], T::ZERO],
        count => bail!("base_values has {count} values, it should have {classes}"),
    };

    let nodes = Nodes::read(node, splits.len())?;
    let (branches, roots) = branches(node, &nodes, &splits)?;
    let entries = nodes.votes(node, weights.len())?;
    let mut leaves = vec![0..0; nodes.leaves];
    let mut ordered = Vec::with_capacity(weights.len());
    for (leaf, entry) in entries {
        let next = ordered.len() as u32;
        let range: &mut Range<u32> = &mut leaves[leaf as usize];
        // The weights of a leaf follow each other.
        *range = if range.end == 0 {
            next..next + 1
        } else {
            range.start..next + 1
        };
        ordered.push(Weight {
            target: class_ids[entry],
            value: weights[entry],
        });
    }
    let parts = Parts {
        roots,
        branches,
        leaves,
        weights: ordered,
        members: vec![],
        aggregate: Aggregate::Sum,
        base,
        targets,
    };
    Ok((Ensemble::new(parts)?, layout))
}

/// The nodes of the file by tree and id, as branches and leaves.
struct Nodes<'n> {
    trees: &'n [i64],
    modes: Vec<&'n str>,
    children: Vec<Child>,
    by_id: HashMap<(i64, i64), Child>,
    leaves: usize,
}

impl<'n> Nodes<'n> {
    fn read(node: &'n NodeProto, nodes: usize) -> TractResult<Self> {
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
        Ok(Nodes {
            trees,
            modes,
            children,
            by_id,
            leaves,
        })
    }

    fn find(&self, tree: i64, id: i64) -> TractResult<Child> {
        let child = self.by_id.get(&(tree, id)).copied();
        child.with_context(|| format!("tree {tree} has no node with id {id}"))
    }

    /// The leaf and the position of each weight in the file, ordered by leaf, then by position.
    fn votes(&self, node: &NodeProto, weights: usize) -> TractResult<Vec<(u32, usize)>> {
        let trees = node.get_attr_slice::<i64>("class_treeids")?;
        let ids = node.get_attr_slice::<i64>("class_nodeids")?;
        expect_length("class_treeids", trees.len(), weights)?;
        expect_length("class_nodeids", ids.len(), weights)?;
        let mut votes = Vec::with_capacity(weights);
        for (position, (&tree, &id)) in trees.iter().zip(ids).enumerate() {
            match self.find(tree, id)? {
                Child::Leaf(leaf) => votes.push((leaf, position)),
                Child::Branch(_) => {
                    bail!("class_nodeids[{position}]: node {id} of tree {tree} is not a leaf")
                }
            }
        }
        votes.sort_unstable();
        Ok(votes)
    }
}

/// The branches, and the root of each tree: its first node.
fn branches<T: Real>(node: &NodeProto, nodes: &Nodes, splits: &[T]) -> TractResult<(Vec<Branch<T>>, Vec<Child>)> {
    let features = node.get_attr_slice::<i64>("nodes_featureids")?;
    let on_true = node.get_attr_slice::<i64>("nodes_truenodeids")?;
    let on_false = node.get_attr_slice::<i64>("nodes_falsenodeids")?;
    expect_length("nodes_featureids", features.len(), splits.len())?;
    expect_length("nodes_truenodeids", on_true.len(), splits.len())?;
    expect_length("nodes_falsenodeids", on_false.len(), splits.len())?;
    let missing_is_true = flags(node, "nodes_missing_value_tracks_true", splits.len())?;
    let mut branches = Vec::new();
    let mut roots = Vec::new();
    let mut trees = HashSet::new();
    for (position, &split) in splits.iter().enumerate() {
        let tree = nodes.trees[position];
        if trees.insert(tree) {
            roots.push(nodes.children[position]);
        }
        let test = match nodes.modes[position] {
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
            on_true: nodes.find(tree, on_true[position])?,
            on_false: nodes.find(tree, on_false[position])?,
        });
    }
    Ok((branches, roots))
}

/// Numbers as a list of floats or as a tensor of floats or doubles; none where there is neither.
fn reals<T: Real>(context: &ParsingContext, node: &NodeProto, list: &str, tensor: &str) -> TractResult<Vec<T>> {
    let floats = node.get_attr_opt_slice::<f32>(list)?.unwrap_or_default();
    let Some(proto) = node.get_attr_opt::<&TensorProto>(tensor)? else {
        return Ok(floats.iter().map(|&value| T::from_f64(f64::from(value))).collect());
    };
    let loaded = context.load_tensor(proto)?;
    ensure!(
        floats.is_empty() || loaded.len() == 0,
        "{list} and {tensor} exclude each other"
    );
    if loaded.len() == 0 {
        return Ok(floats.iter().map(|&value| T::from_f64(f64::from(value))).collect());
    }
    match loaded.datum_type() {
        DatumType::F32 => {
            let floats = values::<f32>(tensor, &loaded)?;
            Ok(floats.into_iter().map(|value| T::from_f64(f64::from(value))).collect())
        }
        _ => values::<T>(tensor, &loaded),
    }
}
