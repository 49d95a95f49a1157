//! The scored output of a graph.

use super::Precision;
use crate::model::shown;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ToDim;

/// What the graph gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) struct Output {
    pub precision: Precision,
    pub form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Form {
    /// `[rows, labels]`: the probability of each label.
    Labels,
    /// `[rows, 1]` or `[rows]`: the probability of the positive one of two labels.
    Positive,
    /// The same, of the label at this position.
    One(usize),
}

impl Output {
    /// `column` is what the output is of the matrix with two columns that the graph gave.
    pub fn new(
        model: &TypedModel,
        rows: &Symbol,
        name: &str,
        column: Option<usize>,
        labels: usize,
    ) -> Result<Self, String> {
        let name = shown::name(name);
        let fact = model.output_fact(0).map_err(|error| format!("{error:#}"))?;
        let shape = fact.shape.to_tvec();
        let rows = rows.to_dim();
        let form = match (column, &shape[..]) {
            (None, [height, width]) if *height == rows && *width == labels.to_dim() => Form::Labels,
            (None, [height, width]) if labels == 2 && *height == rows && *width == 1.to_dim() => Form::Positive,
            (None, [height]) if labels == 2 && *height == rows => Form::Positive,
            (Some(column), [height, width]) if labels == 2 && *height == rows && *width == 1.to_dim() => {
                Form::One(column)
            }
            _ => {
                let shape: Vec<_> = shape.iter().map(ToString::to_string).collect();
                let shape = shape.join(", ");
                return Err(format!(
                    "the output {name:?} has the shape [{shape}], but it should be [{rows}, {labels}]: a row for \
                     each row of features, a column for each label"
                ));
            }
        };
        let precision = match fact.datum_type {
            DatumType::F32 => Precision::F32,
            DatumType::F64 => Precision::F64,
            other => return Err(format!("the output {name:?} is of type {other:?}, not float or double")),
        };
        Ok(Output { precision, form })
    }
}
