//! `Normalizer`: each row divided by its norm.

use crate::model::real::Real;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

#[derive(Debug)]
pub(super) enum Normalizer {
    /// By the greatest value, which may be negative.
    Max,
    /// By the sum of the absolute values.
    L1,
    /// By the root of the sum of squares.
    L2,
}

impl Normalizer {
    pub fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(match node.get_attr_opt::<&str>("norm")?.unwrap_or("MAX") {
            "MAX" => Normalizer::Max,
            "L1" => Normalizer::L1,
            "L2" => Normalizer::L2,
            other => bail!("norm is {other}, it should be MAX, L1 or L2"),
        })
    }

    /// A row whose norm is zero stays as it is.
    pub fn normalized<T: Real>(&self, row: &[T]) -> impl Iterator<Item = f32> {
        let norm = match self {
            Normalizer::Max => row.iter().copied().reduce(|a, b| if b > a { b } else { a }),
            Normalizer::L1 => Some(sum(row.iter().map(|value| value.abs()))),
            Normalizer::L2 => Some(sum(row.iter().map(|&value| value * value)).sqrt()),
        };
        let norm = norm.filter(|&norm| norm != T::ZERO).unwrap_or(T::ONE);
        row.iter().map(move |&value| (value / norm).to_f32())
    }
}

fn sum<T: Real>(values: impl Iterator<Item = T>) -> T {
    values.fold(T::ZERO, |mut sum, value| {
        sum += value;
        sum
    })
}
