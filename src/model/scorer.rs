//! A worker's own part of a model: a batch of rows, and the state of the graph that scores it.

use super::artifact::{Model, Prepared};
use super::error::{ModelError, ScoreError};
use super::graph::{Form, Inputs, Part, Precision};
use super::prediction::{Scores, Values};
use super::real::Real;
use super::shown;
use crate::flight::{Rejection, Row};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::{TractErrorContext, ensure, format_err};

/// Scores rows in batches. Made by [`Model::scorer`]; one for each thread.
pub struct Scorer {
    model: Arc<Model>,
    runner: Runner,
}

impl Scorer {
    pub(super) fn new(model: Arc<Model>) -> Result<Scorer, ModelError> {
        let runner = Runner::new(model.prepared())?;
        Ok(Scorer { model, runner })
    }

    /// The model that is scored with.
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Appends a row to the batch.
    ///
    /// # Errors
    /// Where a field that the model reads is not what it should be; the batch is then as it was.
    pub fn push(&mut self, row: &Row<'_>) -> Result<(), Rejection> {
        self.runner.push(self.model.prepared(), row)
    }

    /// How many rows are in the batch.
    pub fn len(&self) -> usize {
        self.runner.rows
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Empties the batch.
    pub fn clear(&mut self) {
        self.runner.clear();
    }

    /// How many values were none of their category's since the scorer was made, by feature; those of rows that were
    /// refused for another field are among them.
    pub fn unknown_categories(&self) -> &[u64] {
        &self.runner.unknown
    }

    /// Scores all rows of the batch, which stay in it until [`clear`](Self::clear).
    ///
    /// # Errors
    /// Where the graph fails. The scorer can be used on.
    pub fn score(&mut self) -> Result<Scores<'_>, ScoreError> {
        self.runner.score(self.model.prepared())
    }
}

/// `[rows, features]`, row by row. NaN is missing.
#[derive(Debug, Clone, Copy)]
pub enum Features<'b> {
    F32(&'b [f32]),
    F64(&'b [f64]),
}

/// The batch and the state of the graph. Every call is given the same model.
pub(super) struct Runner {
    batch: Batch,
    rows: usize,
    /// Values that were none of their category's, by feature.
    unknown: Vec<u64>,
    state: TypedSimpleState,
    /// The scores of the last run, `[rows, labels]`.
    scores: Probabilities,
}

/// Scores as the graph gave them, or completed by those of the other label.
enum Probabilities {
    /// There were no rows.
    None,
    Given(TValue),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// The features of the pushed rows, `[rows, features]`.
enum Batch {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

impl Runner {
    pub fn new(model: &Prepared) -> Result<Runner, ModelError> {
        let batch = match model.graph.inputs.precision() {
            Precision::F32 => Batch::F32(vec![]),
            Precision::F64 => Batch::F64(vec![]),
        };
        Ok(Runner {
            batch,
            rows: 0,
            unknown: vec![0; model.encoder.width()],
            state: model.graph.spawn(&model.origin)?,
            scores: Probabilities::None,
        })
    }

    pub fn push(&mut self, model: &Prepared, row: &Row<'_>) -> Result<(), Rejection> {
        match &mut self.batch {
            Batch::F32(matrix) => model.encoder.encode(row, matrix, &mut self.unknown)?,
            Batch::F64(matrix) => model.encoder.encode(row, matrix, &mut self.unknown)?,
        }
        self.rows += 1;
        Ok(())
    }

    pub fn clear(&mut self) {
        match &mut self.batch {
            Batch::F32(matrix) => matrix.clear(),
            Batch::F64(matrix) => matrix.clear(),
        }
        self.rows = 0;
    }

    pub fn score<'s>(&'s mut self, model: &'s Prepared) -> Result<Scores<'s>, ScoreError> {
        let rows = self.rows;
        // Operators check shapes, and not always values.
        let run = catch_unwind(AssertUnwindSafe(|| self.run(model)));
        if let Err(error) =
            run.unwrap_or_else(|panic| Err(format_err!("an operator panicked: {}", shown::panic(&*panic))))
        {
            let mut problem = format!("{error:#}");
            // A state that has failed keeps the size of that batch for ever.
            match model.graph.plan.spawn() {
                Ok(state) => self.state = state,
                Err(error) => problem = format!("{problem}; then {error:#}"),
            }
            return Err(ScoreError { rows, problem });
        }
        let values = self.values(model.graph.output.precision).map_err(|error| ScoreError {
            rows,
            problem: format!("{error:#}"),
        })?;
        let features = match &self.batch {
            Batch::F32(matrix) => Features::F32(matrix),
            Batch::F64(matrix) => Features::F64(matrix),
        };
        Ok(Scores::new(values, features, &model.metadata))
    }

    fn run(&mut self, model: &Prepared) -> TractResult<()> {
        self.scores = Probabilities::None;
        if self.rows == 0 {
            return Ok(());
        }
        let inputs = match &self.batch {
            Batch::F32(matrix) => tensors(&model.graph.inputs, matrix, self.rows)?,
            Batch::F64(matrix) => tensors(&model.graph.inputs, matrix, self.rows)?,
        };
        let mut outputs = self.state.run(inputs)?;
        let scores = outputs.pop().context("there are no scores")?;
        let output = model.graph.output;
        let labels = model.metadata.labels.len();
        let columns = match output.form {
            Form::Labels => labels,
            Form::Positive | Form::One(_) => 1,
        };
        ensure!(
            scores.len() == self.rows * columns,
            "the scores have the shape {:?}, it should be [{}, {columns}]",
            scores.shape(),
            self.rows
        );
        let column = match output.form {
            Form::Labels => None,
            Form::Positive => Some(model.metadata.positive),
            Form::One(column) => Some(column),
        };
        self.scores = match (column, output.precision) {
            (None, _) => Probabilities::Given(scores),
            (Some(column), Precision::F32) => {
                Probabilities::F32(completed(scores.try_as_plain_ram()?.as_slice()?, column))
            }
            (Some(column), Precision::F64) => {
                Probabilities::F64(completed(scores.try_as_plain_ram()?.as_slice()?, column))
            }
        };
        Ok(())
    }

    fn values(&self, output: Precision) -> TractResult<Values<'_>> {
        Ok(match (&self.scores, output) {
            (Probabilities::None, Precision::F32) => Values::F32(&[]),
            (Probabilities::None, Precision::F64) => Values::F64(&[]),
            (Probabilities::Given(scores), Precision::F32) => Values::F32(scores.try_as_plain_ram()?.as_slice()?),
            (Probabilities::Given(scores), Precision::F64) => Values::F64(scores.try_as_plain_ram()?.as_slice()?),
            (Probabilities::F32(scores), _) => Values::F32(scores),
            (Probabilities::F64(scores), _) => Values::F64(scores),
        })
    }
}

/// The inputs of the graph, cut from the matrix of all features.
pub(super) fn tensors<T: Real>(inputs: &Inputs, matrix: &[T], rows: usize) -> TractResult<TVec<TValue>> {
    let tensor = |part: &Part| {
        let shape = [rows, part.columns.len()];
        let tensor = if inputs.is_whole() {
            Tensor::from_shape(&shape, matrix)?
        } else {
            let by_row = matrix.chunks_exact(matrix.len() / rows);
            let cut: Vec<T> = by_row.flat_map(|row| &row[part.columns.clone()]).copied().collect();
            Tensor::from_shape(&shape, &cut)?
        };
        let wanted = match part.precision {
            Precision::F32 => f32::datum_type(),
            Precision::F64 => f64::datum_type(),
        };
        if tensor.datum_type() == wanted {
            return Ok(tensor.into_tvalue());
        }
        Ok(tensor.cast_to_dt(wanted)?.into_owned().into_tvalue())
    };
    inputs.parts().iter().map(tensor).collect()
}

/// The probabilities of both labels, from those of the one in this column.
fn completed<T: Real>(probabilities: &[T], column: usize) -> Vec<T> {
    let pair = |&probability: &T| {
        let mut pair = [T::ONE - probability; 2];
        pair[column] = probability;
        pair
    };
    probabilities.iter().flat_map(pair).collect()
}
