//! The labels that a classifier gives beside its scores.

use tract_onnx::tract_hir::internal::*;

/// The labels of a classifier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Labels {
    Numbers(Vec<i64>),
    Texts(Vec<String>),
}

impl Labels {
    pub fn len(&self) -> usize {
        match self {
            Labels::Numbers(labels) => labels.len(),
            Labels::Texts(labels) => labels.len(),
        }
    }

    pub fn datum_type(&self) -> DatumType {
        match self {
            Labels::Numbers(_) => i64::datum_type(),
            Labels::Texts(_) => String::datum_type(),
        }
    }
}

/// Class scores `[rows, classes]` to the label of the greatest `[rows]`, the first where several are; NaN is less than
/// any number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TopLabel(pub Labels);

impl TopLabel {
    fn labels<L: Clone>(&self, labels: &[L], scores: &[f32]) -> Vec<L> {
        let best = |row: &[f32]| {
            let mut best = 0;
            for (class, score) in row.iter().enumerate() {
                if *score > row[best] || (row[best].is_nan() && !score.is_nan()) {
                    best = class;
                }
            }
            labels[best].clone()
        };
        scores.chunks_exact(labels.len()).map(best).collect()
    }
}

impl Op for TopLabel {
    fn name(&self) -> StaticName {
        "TopLabel".into()
    }

    op_as_typed_op!();
}

impl EvalOp for TopLabel {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let view = input.try_as_plain_ram()?;
        let scores = view.as_slice::<f32>()?;
        let labels: Tensor = match &self.0 {
            Labels::Numbers(labels) => tensor1(&self.labels(labels, scores)),
            Labels::Texts(labels) => tensor1(&self.labels(labels, scores)),
        };
        Ok(tvec!(labels.into_tvalue()))
    }
}

impl TypedOp for TopLabel {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("class labels are made from one input, not {}", inputs.len());
        };
        Ok(tvec!(self.0.datum_type().fact([input.shape[0].clone()])))
    }

    as_op!();
}
