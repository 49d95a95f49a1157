//! `Imputer`: another value in place of a missing one.

use super::check_length;
use crate::model::real::Real;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// One value for all features, or one for each, put where `replaced` stands.
#[derive(Debug)]
pub(super) struct Imputer {
    imputed: Vec<f32>,
    replaced: f32,
}

impl Imputer {
    pub fn read(node: &NodeProto) -> TractResult<Self> {
        let integers = node.get_attr_opt_slice::<i64>("imputed_value_int64s")?;
        ensure!(
            integers.is_none_or(<[i64]>::is_empty),
            "imputed_value_int64s is for features that are integers, which are not supported"
        );
        Ok(Imputer {
            imputed: node.get_attr_slice::<f32>("imputed_value_floats")?.to_vec(),
            replaced: node.get_attr_opt("replaced_value_float")?.unwrap_or(0.0),
        })
    }

    pub fn check_width(&self, width: usize) -> TractResult<()> {
        check_length("imputed_value_floats", self.imputed.len(), width)
    }

    pub fn imputed<T: Real>(&self, row: &[T]) -> impl Iterator<Item = T> {
        let replaced = T::from_f64(f64::from(self.replaced));
        let is_replaced = move |value: T| value == replaced || (value.is_nan() && replaced.is_nan());
        let imputed = self.imputed.iter().cycle();
        row.iter().zip(imputed).map(move |(&value, &imputed)| {
            if is_replaced(value) {
                T::from_f64(f64::from(imputed))
            } else {
                value
            }
        })
    }
}
