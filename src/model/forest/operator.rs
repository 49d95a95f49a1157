//! The tree ensembles as operators of tract.

use super::classifier::Layout;
use super::ensemble::Ensemble;
use super::evaluation::Evaluation;
use super::kernel::NoKernel;
use super::labels::{Labels, TopLabel};
use super::transform::Transform;
use crate::model::real::Real;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::infer::rules::*;
use tract_onnx::tract_hir::internal::*;

/// An ensemble in one of the two number types.
#[derive(Debug, Clone)]
pub(super) enum Forest {
    F32(Arc<Ensemble<f32>>),
    F64(Arc<Ensemble<f64>>),
}

impl From<Ensemble<f32>> for Forest {
    fn from(ensemble: Ensemble<f32>) -> Self {
        Forest::F32(Arc::new(ensemble))
    }
}

impl From<Ensemble<f64>> for Forest {
    fn from(ensemble: Ensemble<f64>) -> Self {
        Forest::F64(Arc::new(ensemble))
    }
}

impl Forest {
    fn datum_type(&self) -> DatumType {
        match self {
            Forest::F32(_) => f32::datum_type(),
            Forest::F64(_) => f64::datum_type(),
        }
    }

    fn targets(&self) -> usize {
        match self {
            Forest::F32(ensemble) => ensemble.targets(),
            Forest::F64(ensemble) => ensemble.targets(),
        }
    }

    /// The same trees with features of this type in mind: nothing of a double may be lost.
    fn for_input(&self, input: DatumType) -> Forest {
        match self {
            Forest::F32(ensemble) if input == f64::datum_type() => Forest::from(ensemble.widened()),
            _ => self.clone(),
        }
    }
}

/// An ensemble that is ready to score rows, in one of the two number types.
#[derive(Debug, Clone)]
enum Evaluated {
    F32(Arc<Evaluation<f32>>),
    F64(Arc<Evaluation<f64>>),
}

impl Evaluated {
    fn new(forest: &Forest) -> Self {
        match forest {
            Forest::F32(ensemble) => Evaluated::F32(Arc::new(Evaluation::new(ensemble.clone()))),
            Forest::F64(ensemble) => Evaluated::F64(Arc::new(Evaluation::new(ensemble.clone()))),
        }
    }

    fn forest(&self) -> Forest {
        match self {
            Evaluated::F32(evaluation) => Forest::F32(evaluation.ensemble().clone()),
            Evaluated::F64(evaluation) => Forest::F64(evaluation.ensemble().clone()),
        }
    }

    fn features(&self) -> usize {
        match self {
            Evaluated::F32(evaluation) => evaluation.ensemble().features(),
            Evaluated::F64(evaluation) => evaluation.ensemble().features(),
        }
    }

    fn no_kernel(&self) -> Option<&NoKernel> {
        match self {
            Evaluated::F32(evaluation) => evaluation.no_kernel(),
            Evaluated::F64(evaluation) => evaluation.no_kernel(),
        }
    }
}

/// tract compares operators to tell whether two nodes are one; the same ensemble in memory is enough.
impl PartialEq for Evaluated {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Evaluated::F32(a), Evaluated::F32(b)) => Arc::ptr_eq(a, b),
            (Evaluated::F64(a), Evaluated::F64(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Evaluated {}

/// What follows on the aggregated scores.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Finish {
    /// One output: the transformed scores `[rows, targets]` in the type of the ensemble.
    Scores(Transform),
    /// One output: the transformed scores `[rows, targets]` as floats.
    Targets(Transform),
    /// Two outputs: the label of each row `[rows]`, and float scores `[rows, classes]`.
    Classes {
        layout: Layout,
        transform: Transform,
        labels: Labels,
    },
}

impl Finish {
    /// The type of the scores.
    fn datum_type(&self, forest: &Forest) -> DatumType {
        match self {
            Finish::Scores(_) => forest.datum_type(),
            Finish::Targets(_) | Finish::Classes { .. } => f32::datum_type(),
        }
    }
}

/// A tree operator of an ONNX graph, before the type of its input is known.
#[derive(Debug, Clone)]
pub(super) struct TreeOperator {
    name: &'static str,
    forest: Forest,
    finish: Finish,
}

impl TreeOperator {
    pub fn boxed(name: &'static str, forest: Forest, finish: Finish) -> Box<dyn InferenceOp> {
        expand(TreeOperator { name, forest, finish })
    }
}

impl Expansion for TreeOperator {
    fn name(&self) -> StaticName {
        self.name.into()
    }

    fn nboutputs(&self) -> TractResult<usize> {
        Ok(match self.finish {
            Finish::Scores(_) | Finish::Targets(_) => 1,
            Finish::Classes { .. } => 2,
        })
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        solver.equals(&inputs[0].rank, 2)?;
        let (scores, datum_type, width) = match &self.finish {
            Finish::Scores(_) | Finish::Targets(_) => {
                check_output_arity(outputs, 1)?;
                (&outputs[0], self.finish.datum_type(&self.forest), self.forest.targets())
            }
            Finish::Classes { labels, .. } => {
                check_output_arity(outputs, 2)?;
                solver.equals(&outputs[0].datum_type, labels.datum_type())?;
                solver.equals(&outputs[0].rank, 1)?;
                solver.equals(&outputs[0].shape[0], &inputs[0].shape[0])?;
                (&outputs[1], self.finish.datum_type(&self.forest), labels.len())
            }
        };
        solver.equals(&scores.datum_type, datum_type)?;
        solver.equals(&scores.rank, 2)?;
        solver.equals(&scores.shape[0], &inputs[0].shape[0])?;
        solver.equals(&scores.shape[1], width.to_dim())
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let given = model.outlet_fact(inputs[0])?.datum_type;
        let mut features = inputs[0];
        let forest = match self.finish {
            Finish::Scores(_) => self.forest.clone(),
            Finish::Targets(_) | Finish::Classes { .. } => self.forest.for_input(given),
        };
        let trees = forest.datum_type();
        if given != trees {
            ensure!(
                !matches!(self.finish, Finish::Scores(_)) && given.is_number(),
                "the trees are of type {trees:?}, but the features of type {given:?}"
            );
            features = model.wire_node(format!("{prefix}.features"), cast(trees), &[features])?[0];
        }
        let scorer = TreeScores {
            evaluated: Evaluated::new(&forest),
            finish: self.finish.clone(),
        };
        let scores = model.wire_node(format!("{prefix}.scores"), scorer, &[features])?;
        match &self.finish {
            Finish::Scores(_) | Finish::Targets(_) => Ok(scores),
            Finish::Classes { labels, .. } => {
                let labels = TopLabel(labels.clone());
                let labels = model.wire_node(format!("{prefix}.labels"), labels, &scores)?;
                Ok(tvec!(labels[0], scores[0]))
            }
        }
    }
}

/// Why trees of a graph have no kernel; `None` where all have one.
pub(in crate::model) fn no_kernel(model: &TypedModel) -> Option<String> {
    let trees = model.nodes().iter().filter_map(|node| node.op_as::<TreeScores>());
    let mut reasons = trees.filter_map(|trees| trees.evaluated.no_kernel());
    reasons.next().map(ToString::to_string)
}

/// Features `[rows, features]` to scores `[rows, targets or classes]`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct TreeScores {
    evaluated: Evaluated,
    finish: Finish,
}

impl TreeScores {
    fn check_width(&self, width: usize) -> TractResult<()> {
        let needed = self.evaluated.features();
        ensure!(
            width >= needed,
            "the trees ask for feature {}, but a row has only {width} features",
            needed.saturating_sub(1)
        );
        Ok(())
    }

    fn score<T: Real>(&self, evaluation: &Evaluation<T>, input: &Tensor) -> TractResult<Tensor> {
        let [rows, width] = *input.shape() else {
            bail!(
                "the features have shape {:?}, it should be [rows, features]",
                input.shape()
            );
        };
        self.check_width(width)?;
        let view = input.try_as_plain_ram()?;
        let targets = evaluation.ensemble().targets();
        let mut scores = vec![T::ZERO; rows * targets];
        evaluation.evaluate(view.as_slice::<T>()?, width, &mut scores);
        match &self.finish {
            Finish::Scores(transform) => {
                scores.chunks_exact_mut(targets).for_each(|row| transform.apply(row));
                Tensor::from_shape(&[rows, targets], &scores)
            }
            Finish::Targets(transform) => {
                let mut scores: Vec<_> = scores.into_iter().map(Real::to_f32).collect();
                scores.chunks_exact_mut(targets).for_each(|row| transform.apply(row));
                Tensor::from_shape(&[rows, targets], &scores)
            }
            Finish::Classes {
                layout,
                transform,
                labels,
            } => {
                let mut classes = vec![0f32; rows * labels.len()];
                let by_row = classes.chunks_exact_mut(labels.len());
                for (row, classes) in scores.chunks_exact(targets).zip(by_row) {
                    layout.write(*transform, row, classes);
                }
                Tensor::from_shape(&[rows, labels.len()], &classes)
            }
        }
    }
}

impl Op for TreeScores {
    fn name(&self) -> StaticName {
        "TreeScores".into()
    }

    op_as_typed_op!();
}

impl EvalOp for TreeScores {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let scores = match &self.evaluated {
            Evaluated::F32(evaluation) => self.score(evaluation, &input)?,
            Evaluated::F64(evaluation) => self.score(evaluation, &input)?,
        };
        Ok(tvec!(scores.into_tvalue()))
    }
}

impl TypedOp for TreeScores {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("a tree ensemble has one input, not {}", inputs.len());
        };
        ensure!(input.rank() == 2, "the features are not a matrix: {input:?}");
        if let Ok(width) = input.shape[1].to_usize() {
            self.check_width(width)?;
        }
        let forest = self.evaluated.forest();
        let datum_type = self.finish.datum_type(&forest);
        let width = match &self.finish {
            Finish::Scores(_) | Finish::Targets(_) => forest.targets(),
            Finish::Classes { labels, .. } => labels.len(),
        };
        Ok(tvec!(datum_type.fact([input.shape[0].clone(), width.to_dim()])))
    }

    as_op!();
}
