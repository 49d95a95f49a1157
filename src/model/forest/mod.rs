//! The tree ensembles of ONNX as operators of tract: `TreeEnsemble` of ai.onnx.ml 5, and `TreeEnsembleClassifier`
//! and `TreeEnsembleRegressor` of ai.onnx.ml 1 to 3.
//!
//! `attributes`, `classifier` and `regressor` (with `nodes`) read a node of the graph into an `Ensemble`, which is
//! checked once; `kernel` evaluates it fast and `reference` plainly, `evaluation` chooses between them, `transform`
//! finishes the scores, and `operator` wraps all that for tract.

mod attributes;
mod classifier;
mod ensemble;
mod evaluation;
mod kernel;
mod labels;
mod nodes;
mod operator;
mod reference;
mod regressor;
mod transform;

pub use kernel::Instructions;
pub(super) use operator::no_kernel;
pub(super) use transform::softmax;

use tract_onnx::model::OnnxOpRegister;

/// Registers the operators, in place of tract's own where it has them.
pub(super) fn register(operators: &mut OnnxOpRegister) {
    operators.insert("TreeEnsemble", attributes::tree_ensemble);
    operators.insert("TreeEnsembleClassifier", classifier::tree_ensemble_classifier);
    operators.insert("TreeEnsembleRegressor", regressor::tree_ensemble_regressor);
}

#[cfg(test)]
mod tests;
