//! `Binarizer`: 1 above a threshold, else 0.

use crate::model::real::Real;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

#[derive(Debug)]
pub(super) struct Binarizer {
    threshold: f32,
}

impl Binarizer {
    pub fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Binarizer {
            threshold: node.get_attr_opt("threshold")?.unwrap_or(0.0),
        })
    }

    /// NaN is not above.
    pub fn binarized<T: Real>(&self, value: T) -> T {
        if value > T::from_f64(f64::from(self.threshold)) {
            T::ONE
        } else {
            T::ZERO
        }
    }
}
