//! Operators that work on one row at a time: `Scaler`, `Imputer`, `Normalizer` and `Binarizer` of ai.onnx.ml, and
//! `Softmax`.
//!
//! tract has none of the first, second and fourth; its third divides by the greatest absolute value, and its fifth is
//! only near for floats. As in the specification, the results of `Scaler` and `Normalizer` are floats whatever they
//! are made from, those of the others are of the type that they are given.

mod binarizer;
mod imputer;
mod normalizer;
mod scaler;
mod softmax;

use super::real::Real;
use binarizer::Binarizer;
use imputer::Imputer;
use normalizer::Normalizer;
use scaler::Scaler;
use softmax::Softmax;
use tract_onnx::model::OnnxOpRegister;
use tract_onnx::tract_core::ops::cast::cast;
use tract_onnx::tract_hir::infer::rules::*;
use tract_onnx::tract_hir::internal::*;

pub(super) fn register(operators: &mut OnnxOpRegister) {
    operators.insert("Scaler", |_, node| Ok(boxed(Kind::Scaler(Scaler::read(node)?))));
    operators.insert("Imputer", |_, node| Ok(boxed(Kind::Imputer(Imputer::read(node)?))));
    operators.insert("Normalizer", |_, node| {
        Ok(boxed(Kind::Normalizer(Normalizer::read(node)?)))
    });
    operators.insert("Binarizer", |_, node| {
        Ok(boxed(Kind::Binarizer(Binarizer::read(node)?)))
    });
    operators.insert("Softmax", |_, node| Ok(boxed(Kind::Softmax(Softmax::read(node)?))));
}

fn boxed(kind: Kind) -> (Box<dyn InferenceOp>, Vec<String>) {
    (expand(RowOperator(Arc::new(kind))), vec![])
}

#[derive(Debug)]
enum Kind {
    Scaler(Scaler),
    Imputer(Imputer),
    Normalizer(Normalizer),
    Binarizer(Binarizer),
    Softmax(Softmax),
}

/// An operator from a matrix `[rows, features]` to one of the same shape.
#[derive(Debug, Clone)]
struct RowOperator(Arc<Kind>);

/// tract compares operators to tell whether two nodes are one; the same in memory is enough.
impl PartialEq for RowOperator {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for RowOperator {}

impl RowOperator {
    /// The type of what is made from features of this type.
    fn datum_type(&self, features: DatumType) -> DatumType {
        match &*self.0 {
            Kind::Scaler(_) | Kind::Normalizer(_) => f32::datum_type(),
            Kind::Imputer(_) | Kind::Binarizer(_) | Kind::Softmax(_) => features,
        }
    }

    fn check_width(&self, width: usize) -> TractResult<()> {
        match &*self.0 {
            Kind::Scaler(scaler) => scaler.check_width(width),
            Kind::Imputer(imputer) => imputer.check_width(width),
            Kind::Normalizer(_) | Kind::Binarizer(_) | Kind::Softmax(_) => Ok(()),
        }
    }

    fn compute<T: Real>(&self, input: &Tensor) -> TractResult<Tensor> {
        let width = input.shape().last().copied().unwrap_or(1);
        self.check_width(width)?;
        let view = input.try_as_plain_ram()?;
        let values = view.as_slice::<T>()?;
        // Where the width is 0 there are no values either.
        let rows = || values.chunks_exact(width.max(1));
        Ok(match &*self.0 {
            Kind::Scaler(scaler) => matrix(input, rows().flat_map(|row| scaler.scaled(row)))?,
            Kind::Imputer(imputer) => matrix(input, rows().flat_map(|row| imputer.imputed(row)))?,
            Kind::Normalizer(normalizer) => matrix(input, rows().flat_map(|row| normalizer.normalized(row)))?,
            Kind::Binarizer(binarizer) => matrix(input, values.iter().map(|&value| binarizer.binarized(value)))?,
            Kind::Softmax(softmax) => matrix(input, rows().flat_map(|row| softmax.shares(row)))?,
        })
    }
}

fn matrix<T: Datum + Copy>(shape_of: &Tensor, values: impl Iterator<Item = T>) -> TractResult<Tensor> {
    Tensor::from_shape(shape_of.shape(), &values.collect::<Vec<T>>())
}

impl Expansion for RowOperator {
    fn name(&self) -> StaticName {
        match &*self.0 {
            Kind::Scaler(_) => "Scaler",
            Kind::Imputer(_) => "Imputer",
            Kind::Normalizer(_) => "Normalizer",
            Kind::Binarizer(_) => "Binarizer",
            Kind::Softmax(_) => "Softmax",
        }
        .into()
    }

    fn rules<'r, 'p: 'r, 's: 'r>(
        &'s self,
        solver: &mut Solver<'r>,
        inputs: &'p [TensorProxy],
        outputs: &'p [TensorProxy],
    ) -> InferenceResult {
        check_input_arity(inputs, 1)?;
        check_output_arity(outputs, 1)?;
        solver.equals(&inputs[0].rank, 2)?;
        solver.equals(&inputs[0].shape, &outputs[0].shape)?;
        solver.given(&inputs[0].datum_type, move |solver, given| {
            solver.equals(&outputs[0].datum_type, self.datum_type(real(given)))
        })
    }

    fn wire(&self, prefix: &str, model: &mut TypedModel, inputs: &[OutletId]) -> TractResult<TVec<OutletId>> {
        let given = model.outlet_fact(inputs[0])?.datum_type;
        let features = model.wire_node(format!("{prefix}.features"), cast(real(given)), inputs)?;
        model.wire_node(prefix, self.clone(), &features)
    }
}

/// The type to compute in: integers become floats.
fn real(given: DatumType) -> DatumType {
    if given == f64::datum_type() {
        given
    } else {
        f32::datum_type()
    }
}

impl Op for RowOperator {
    fn name(&self) -> StaticName {
        Expansion::name(self)
    }

    op_as_typed_op!();
}

impl EvalOp for RowOperator {
    op_out_of_plan!();

    fn eval(&self, _: &EvalContext, inputs: TVec<TValue>) -> TractResult<TVec<TValue>> {
        let input = args_1!(inputs);
        let output = match input.datum_type() {
            DatumType::F32 => self.compute::<f32>(&input)?,
            DatumType::F64 => self.compute::<f64>(&input)?,
            other => bail!("the features are of type {other:?}, not float or double"),
        };
        Ok(tvec!(output.into_tvalue()))
    }
}

impl TypedOp for RowOperator {
    fn output_facts(&self, inputs: &[&TypedFact]) -> TractResult<TVec<TypedFact>> {
        let [input] = inputs else {
            bail!("there should be one input, not {}", inputs.len());
        };
        ensure!(input.rank() == 2, "it works on a matrix, not on {input:?}");
        let width = &input.shape[1];
        self.check_width(width.to_usize()?)?;
        Ok(tvec!(self.datum_type(input.datum_type).fact(input.shape.clone())))
    }

    as_op!();
}

/// Refuses a list that has neither one value for all features nor one for each.
fn check_length(name: &str, length: usize, width: usize) -> TractResult<()> {
    ensure!(
        length == 1 || length == width,
        "{name} has {length} values, it should have 1 or {width}"
    );
    Ok(())
}
