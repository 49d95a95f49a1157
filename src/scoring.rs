//! The path of a row, from its bytes to those of its prediction. `serve` and `score` both go it.

use crate::flight::{Rejection, Row, RowReader};
use crate::model::{Model, ModelError, Prediction, ScoreError, Scorer, Scores};
use crate::output::{Encoder, Format, Source};
use std::ops::Range;
use std::sync::Arc;

/// A batch of rows on their way to predictions. Its buffers serve one batch after the other.
pub struct Scoring {
    reader: RowReader,
    scorer: Scorer,
    encoder: Encoder,
    /// The encoded flights of the batch, one after the other, and where each stands.
    flights: Vec<u8>,
    places: Vec<Range<usize>>,
}

/// A batch that was scored.
pub struct Scored<'s> {
    scores: Scores<'s>,
    encoder: &'s Encoder,
    flights: &'s [u8],
    places: &'s [Range<usize>],
}

impl Scoring {
    pub fn new(model: &Arc<Model>, format: Format) -> Result<Scoring, ModelError> {
        Ok(Scoring {
            reader: RowReader::default(),
            scorer: model.scorer()?,
            encoder: Encoder::new(format, model),
            flights: Vec::new(),
            places: Vec::new(),
        })
    }

    pub fn model(&self) -> &Arc<Model> {
        self.scorer.model()
    }

    /// Adds a row to the batch and returns its number there, from 0.
    ///
    /// # Errors
    /// Where the row cannot be scored; the batch is then as it was.
    pub fn push(&mut self, row: &[u8]) -> Result<usize, Rejection> {
        self.push_seen(row, |_| {})
    }

    /// [`push`](Self::push), and shows the row that was added to `see`.
    pub fn push_seen(&mut self, row: &[u8], see: impl FnOnce(&Row<'_>)) -> Result<usize, Rejection> {
        let row = self.reader.read(row)?;
        let identity = row.identity()?;
        self.scorer.push(&row)?;
        see(&row);
        let start = self.flights.len();
        self.encoder.flight(&identity, &mut self.flights);
        self.places.push(start..self.flights.len());
        Ok(self.places.len() - 1)
    }

    /// What turns rows into scores.
    pub fn scorer(&self) -> &Scorer {
        &self.scorer
    }

    /// Rows in the batch.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    pub fn clear(&mut self) {
        self.scorer.clear();
        self.flights.clear();
        self.places.clear();
    }

    /// Scores the batch, which stays until [`clear`](Self::clear).
    pub fn score(&mut self) -> Result<Scored<'_>, ScoreError> {
        Ok(Scored {
            scores: self.scorer.score()?,
            encoder: &self.encoder,
            flights: &self.flights,
            places: &self.places,
        })
    }
}

impl<'s> Scored<'s> {
    /// All predictions of the batch.
    pub fn scores(&self) -> Scores<'s> {
        self.scores
    }

    /// The prediction for a row, by its number in the batch.
    pub fn prediction(&self, row: usize) -> Prediction<'s> {
        self.scores.get(row)
    }

    /// Appends the prediction for a row in the output's format, without a line end.
    pub fn write(&self, row: usize, source: Option<Source<'_>>, out: &mut Vec<u8>) {
        let flight = &self.flights[self.places[row].clone()];
        self.encoder.prediction(&self.prediction(row), flight, source, out);
    }
}
