//! The inputs of a graph, which share the features among them.

use super::{DOUBLE, FLOAT, Precision};
use crate::model::shown;
use std::collections::HashSet;
use std::ops::Range;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Dimension;
use tract_onnx::pb::{GraphProto, ValueInfoProto, type_proto};

/// How the features of a row are fed to the inputs of a graph: all columns of the first input come first, then those
/// of the second, and so on, whether or not the scores need them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) struct Inputs {
    parts: Vec<Part>,
    features: usize,
}

/// An input that the scores need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::model) struct Part {
    /// Its columns among the features.
    pub columns: Range<usize>,
    pub precision: Precision,
}

impl Inputs {
    /// `all` are the inputs that the file has, `graph` has those left that the scores need.
    pub fn new(all: &[ValueInfoProto], graph: &GraphProto, features: usize) -> Result<Self, String> {
        let needed: HashSet<_> = of(graph).into_iter().map(|input| input.name).collect();
        if needed.is_empty() {
            return Err("the scores depend on no input of the graph".to_owned());
        }
        let widths = all.iter().map(|input| width(input, needed.contains(&input.name)));
        let widths = shared(all, widths.collect::<Result<_, _>>()?, features)?;
        let mut parts = Vec::with_capacity(needed.len());
        let mut start = 0;
        for (input, width) in all.iter().zip(widths) {
            let columns = start..start + width;
            start = columns.end;
            if needed.contains(&input.name) {
                let precision = precision(input)?;
                parts.push(Part { columns, precision });
            }
        }
        Ok(Inputs { parts, features })
    }

    /// In the order of the graph.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Whether the matrix of all features is what the one input takes.
    pub fn is_whole(&self) -> bool {
        matches!(self.parts.as_slice(), [part] if part.columns == (0..self.features))
    }

    /// What holds every feature as exactly as its input does.
    pub fn precision(&self) -> Precision {
        let floats = self.parts.iter().all(|part| part.precision == Precision::F32);
        if floats { Precision::F32 } else { Precision::F64 }
    }
}

/// The inputs of a graph that its file has no values for.
pub(super) fn of(graph: &GraphProto) -> Vec<ValueInfoProto> {
    let initialized: HashSet<_> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let inputs = graph.input.iter();
    let inputs = inputs.filter(|input| !initialized.contains(input.name.as_str()));
    inputs.cloned().collect()
}

/// How many columns an input has, where its shape says so.
fn width(input: &ValueInfoProto, needed: bool) -> Result<Option<usize>, String> {
    let name = shown::name(&input.name);
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_ref().and_then(|of| of.value.as_ref()) else {
        return Err(format!("the input {name:?} is not a tensor"));
    };
    let Some(shape) = &tensor.shape else {
        return Ok(None);
    };
    let [_, width] = shape.dim.as_slice() else {
        if !needed && shape.dim.len() < 2 {
            return Ok(Some(1));
        }
        let rank = shape.dim.len();
        return Err(format!(
            "the input {name:?} has {rank} dimensions, not rows and features"
        ));
    };
    match width.value {
        Some(Dimension::DimValue(width)) => match usize::try_from(width) {
            Ok(width) if (1..=MOST_COLUMNS).contains(&width) => Ok(Some(width)),
            _ => Err(format!(
                "the input {name:?} takes {width} features, it should be within 1 and {MOST_COLUMNS}"
            )),
        },
        _ => Ok(None),
    }
}

/// More than a row has columns; it only keeps sums of widths small.
const MOST_COLUMNS: usize = 1024;

/// The width of each input, together all features. One of them may leave it open.
fn shared(inputs: &[ValueInfoProto], widths: Vec<Option<usize>>, features: usize) -> Result<Vec<usize>, String> {
    let known: usize = widths.iter().flatten().sum();
    let open: Vec<_> = (0..widths.len()).filter(|&input| widths[input].is_none()).collect();
    if let [first, second, ..] = open[..] {
        let (first, second) = (shown::name(&inputs[first].name), shown::name(&inputs[second].name));
        return Err(format!(
            "neither the input {first:?} nor {second:?} says how many features it takes"
        ));
    }
    let rest = features
        .checked_sub(known)
        .filter(|rest| open.is_empty() == (*rest == 0));
    let Some(rest) = rest else {
        return Err(match inputs {
            [input] => format!(
                "the input {:?} takes {known} features, but the metadata names {features}",
                shown::name(&input.name)
            ),
            _ => {
                let parts = inputs.iter().zip(&widths);
                let parts = parts.map(|(input, width)| match width {
                    Some(width) => format!("{:?} {width}", shown::name(&input.name)),
                    None => format!("{:?} the others", shown::name(&input.name)),
                });
                let parts: Vec<_> = parts.collect();
                format!(
                    "the inputs take {known} features ({}), but the metadata names {features}",
                    parts.join(", ")
                )
            }
        });
    };
    Ok(widths.into_iter().map(|width| width.unwrap_or(rest)).collect())
}

fn precision(input: &ValueInfoProto) -> Result<Precision, String> {
    let name = shown::name(&input.name);
    match tensor_type(input) {
        Some(FLOAT) => Ok(Precision::F32),
        Some(DOUBLE) => Ok(Precision::F64),
        // The integers and bool.
        Some(2..=7 | 9 | 12 | 13) => Err(format!(
            "the input {name:?} is of an integer type, which has no missing value: export the model with an input \
             of type float or double"
        )),
        Some(8) => Err(format!(
            "the input {name:?} takes text: export the model with categories as numbers, an input of type float or \
             double"
        )),
        _ => Err(format!("the input {name:?} is not of type float or double")),
    }
}

pub(super) fn tensor_type(value: &ValueInfoProto) -> Option<i32> {
    let type_proto::Value::TensorType(tensor) = value.r#type.as_ref()?.value.as_ref()?;
    Some(tensor.elem_type)
}
