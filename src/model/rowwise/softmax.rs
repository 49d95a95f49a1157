//! `Softmax`: scores as shares of one.

use crate::model::forest;
use crate::model::real::Real;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// Over the values of each row.
#[derive(Debug)]
pub(super) struct Softmax;

impl Softmax {
    /// The axis is the last one by default, and was the second one, which is the same for a matrix.
    pub fn read(node: &NodeProto) -> TractResult<Self> {
        let axis = node.get_attr_opt::<i64>("axis")?.unwrap_or(-1);
        ensure!(
            axis == 1 || axis == -1,
            "axis is {axis}, only rows are supported: 1 or -1"
        );
        Ok(Softmax)
    }

    pub fn shares<T: Real>(&self, row: &[T]) -> Vec<T> {
        let mut row = row.to_vec();
        forest::softmax(&mut row);
        row
    }
}
