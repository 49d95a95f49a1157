//! The graph of an ONNX file alone, without a description and without rows: what benchmarks compare with other runtimes.

use super::error::{ModelError, ScoreError};
use super::graph::{self, Graph, Precision};
use super::scorer::{Features, tensors};
use tract_onnx::prelude::*;

/// A graph that scores matrices.
pub struct BareGraph {
    graph: Graph,
    state: TypedSimpleState,
    width: usize,
    scores: TVec<TValue>,
}

impl BareGraph {
    /// A graph for rows of `width` features and with so many labels.
    pub fn new(onnx: &[u8], width: usize, labels: usize) -> Result<BareGraph, ModelError> {
        let origin = "the graph";
        let graph = graph::build(graph::parse(onnx, origin)?, width, labels, origin)?;
        Ok(BareGraph {
            state: graph.spawn(origin)?,
            graph,
            width,
            scores: tvec!(),
        })
    }

    /// Scores a matrix `[rows, width]`.
    pub fn run(&mut self, features: Features<'_>) -> Result<(), ScoreError> {
        let (rows, inputs) = match features {
            Features::F32(matrix) => {
                let rows = matrix.len() / self.width;
                (rows, tensors(&self.graph.inputs, matrix, rows))
            }
            Features::F64(matrix) => {
                let rows = matrix.len() / self.width;
                (rows, tensors(&self.graph.inputs, matrix, rows))
            }
        };
        let scores = inputs.and_then(|inputs| self.state.run(inputs));
        self.scores = scores.map_err(|error| ScoreError {
            rows,
            problem: format!("{error:#}"),
        })?;
        Ok(())
    }

    /// All scores of the last run, row by row.
    pub fn scores(&self) -> Vec<f64> {
        let scores = self.scores.iter().filter_map(|scores| scores.try_as_plain_ram().ok());
        match self.graph.output.precision {
            Precision::F32 => scores
                .filter_map(|scores| scores.as_slice::<f32>().ok())
                .flatten()
                .map(|&score| f64::from(score))
                .collect(),
            Precision::F64 => scores
                .filter_map(|scores| scores.as_slice::<f64>().ok())
                .flatten()
                .copied()
                .collect(),
        }
    }
}
