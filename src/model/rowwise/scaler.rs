//! `Scaler`: an offset less, times a factor.

use super::check_length;
use crate::model::real::Real;
use tract_onnx::pb::NodeProto;
use tract_onnx::tract_hir::internal::*;

/// One offset and one factor for all features, or one for each.
#[derive(Debug)]
pub(super) struct Scaler {
    offset: Vec<f32>,
    scale: Vec<f32>,
}

impl Scaler {
    pub fn read(node: &NodeProto) -> TractResult<Self> {
        Ok(Scaler {
            offset: node.get_attr_slice::<f32>("offset")?.to_vec(),
            scale: node.get_attr_slice::<f32>("scale")?.to_vec(),
        })
    }

    pub fn check_width(&self, width: usize) -> TractResult<()> {
        check_length("offset", self.offset.len(), width)?;
        check_length("scale", self.scale.len(), width)
    }

    /// Computed in the type of the features.
    pub fn scaled<T: Real>(&self, row: &[T]) -> impl Iterator<Item = f32> {
        let factors = self.offset.iter().cycle().zip(self.scale.iter().cycle());
        row.iter().zip(factors).map(|(&value, (&offset, &scale))| {
            let [offset, scale] = [offset, scale].map(|number| T::from_f64(f64::from(number)));
            ((value - offset) * scale).to_f32()
        })
    }
}
