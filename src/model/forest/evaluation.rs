//! How an ensemble is evaluated: by its kernel, or plainly where it has none.

use super::ensemble::Ensemble;
use super::kernel::{Instructions, Kernel};
use crate::model::real::Real;

/// An ensemble, ready to score rows.
#[derive(Debug)]
pub(super) struct Evaluation<T> {
    ensemble: Ensemble<T>,
    kernel: Option<Kernel<T>>,
    instructions: Instructions,
    /// Why there is no kernel.
    plain: Option<String>,
}

impl<T: Real> Evaluation<T> {
    pub fn new(ensemble: Ensemble<T>) -> Self {
        let kernel = Kernel::new(&ensemble);
        Evaluation {
            plain: kernel.as_ref().err().map(ToString::to_string),
            kernel: kernel.ok(),
            instructions: Instructions::best(),
            ensemble,
        }
    }

    pub fn ensemble(&self) -> &Ensemble<T> {
        &self.ensemble
    }

    /// Why rows are scored one after the other, without the kernel; `None` where they are not.
    pub fn plain(&self) -> Option<&str> {
        self.plain.as_deref()
    }

    /// Scores rows, see [`Ensemble::evaluate`].
    pub fn evaluate(&self, features: &[T], width: usize, scores: &mut [T]) {
        match &self.kernel {
            Some(kernel) => kernel.evaluate(features, width, scores, self.instructions),
            None => self.ensemble.evaluate(features, width, scores),
        }
    }
}
