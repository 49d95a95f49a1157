//! How an ensemble is evaluated: by its kernel, or plainly where it has none.

use super::ensemble::Ensemble;
use super::kernel::{Instructions, Kernel, NoKernel};
use crate::model::real::Real;
use std::sync::Arc;

/// An ensemble, ready to score rows.
#[derive(Debug)]
pub(super) struct Evaluation<T> {
    ensemble: Arc<Ensemble<T>>,
    kernel: Result<Kernel<T>, NoKernel>,
    instructions: Instructions,
}

impl<T: Real> Evaluation<T> {
    pub fn new(ensemble: Arc<Ensemble<T>>) -> Self {
        Evaluation {
            kernel: Kernel::new(&ensemble),
            instructions: Instructions::best(),
            ensemble,
        }
    }

    pub fn ensemble(&self) -> &Arc<Ensemble<T>> {
        &self.ensemble
    }

    /// Why rows are scored one after the other, `None` where the kernel scores them.
    pub fn no_kernel(&self) -> Option<&NoKernel> {
        self.kernel.as_ref().err()
    }

    /// Scores rows, see [`Ensemble::evaluate`].
    pub fn evaluate(&self, features: &[T], width: usize, scores: &mut [T]) {
        match &self.kernel {
            Ok(kernel) => kernel.evaluate(features, width, scores, self.instructions),
            Err(_) => self.ensemble.evaluate(features, width, scores),
        }
    }
}
