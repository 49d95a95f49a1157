//! Reading `TreeEnsembleClassifier` of ai.onnx.ml 1 to 3.

use super::attributes::MOST_TARGETS;
use super::ensemble::{Aggregate, Ensemble, Parts};
use super::labels::Labels;
use super::nodes::{self, CLASSES, Trees};
use super::operator::{Finish, Forest, TreeOperator};
use super::transform::{Transform, logistic_pair};
use crate::model::real::Real;
use tract_onnx::model::ParsingContext;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

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
        let share = match self {
            Layout::EachClass => {
                for (class, score) in classes.iter_mut().zip(row) {
                    *class = score.to_f32();
                }
                return transform.apply(classes);
            }
            Layout::Share => true,
            Layout::Sign => false,
        };
        // The operator gives such a layout one score and two classes.
        let ([score], [negative, positive]) = (row, &mut *classes) else {
            return;
        };
        *positive = score.to_f32();
        *negative = if share { (T::ONE - *score).to_f32() } else { -*positive };
        match transform {
            Transform::Logistic => {
                [*negative, *positive] = logistic_pair(*positive);
            }
            Transform::Probit => transform.apply(classes),
            Transform::None | Transform::Softmax | Transform::SoftmaxZero => {}
        }
    }
}

/// Builds the operator from a node of the graph.
pub(super) fn tree_ensemble_classifier(
    context: &ParsingContext,
    node: &NodeProto,
) -> TractResult<(Box<dyn InferenceOp>, Vec<String>)> {
    let transform = Transform::of(node)?;
    let labels = labels(node)?;
    let (forest, layout) = if nodes::has_doubles(context, node, &CLASSES)? {
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
    let count = labels.len();
    ensure!(
        (1..=MOST_TARGETS).contains(&count),
        "there are {count} class labels, it should be within 1 and {MOST_TARGETS}"
    );
    Ok(labels)
}

fn ensemble<T: Real>(context: &ParsingContext, node: &NodeProto, classes: usize) -> TractResult<(Ensemble<T>, Layout)> {
    let base = nodes::base_values::<T>(context, node)?;
    let Trees {
        roots,
        branches,
        leaves,
        weights,
    } = Trees::read(context, node, &CLASSES)?;
    if let Some(id) = weights
        .iter()
        .map(|weight| weight.target)
        .find(|&id| id as usize >= classes)
    {
        bail!("class_ids has class {id}, but there are only {classes} class labels");
    }

    let all_for = |class| !weights.is_empty() && weights.iter().all(|weight| weight.target == class);
    // A file with two classes may give weights for the first only, and means the second. Two base values say that
    // each class has a score of its own.
    let single = classes == 2 && base.len() < 2 && all_for(0);
    let layout = match single {
        false => Layout::EachClass,
        true if weights.iter().all(|weight| weight.value >= T::ZERO) => Layout::Share,
        true => Layout::Sign,
    };
    let targets = if single { 1 } else { classes };
    let base = match base.len() {
        count if count == 0 || count == targets => base,
        // A single base value for two classes is beyond the specification. onnxruntime adds it to the first of them,
        // and leaves it out where that has no score.
        1 if classes == 2 && all_for(1) => vec![],
        1 if classes == 2 => vec![base[0], T::ZERO],
        count => bail!("base_values has {count} values, it should have {classes}"),
    };
    let parts = Parts {
        roots,
        branches,
        leaves,
        weights,
        members: vec![],
        aggregate: Aggregate::Sum,
        base,
        targets,
    };
    Ok((Ensemble::new(parts)?, layout))
}
