//! What other implementations computed for small graphs, in `tests/fixtures`.

use super::graph;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;
use tract_onnx::tract_hir::internal::ToDim;

fn directory(kind: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(kind)
}

/// All fixtures of a kind with their names, in order.
pub(super) fn all(kind: &str) -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(directory(kind)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let described = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    let mut all: Vec<_> = described
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        })
        .collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    all
}

pub(super) fn proto(kind: &str, name: &str) -> ModelProto {
    let bytes = std::fs::read(directory(kind).join(format!("{name}.onnx"))).unwrap();
    graph::parse(&bytes, name).unwrap()
}

/// `NaN`, `Infinity` and `-Infinity` stand as strings in JSON.
fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| value.as_str().unwrap().parse().unwrap())
}

/// The shape of rows, and their values one after the other.
pub(super) fn matrix(value: &Value) -> (Vec<usize>, Vec<f64>) {
    let rows = value.as_array().unwrap();
    let row = |row: &Value| row.as_array().unwrap().iter().map(number).collect::<Vec<_>>();
    let width = row(&rows[0]).len();
    (vec![rows.len(), width], rows.iter().flat_map(row).collect())
}

/// Runs a graph with all its outputs.
pub(super) fn run(proto: &ModelProto, shape: &[usize], features: &[f64]) -> TractResult<TVec<TValue>> {
    let mut model = graph::framework().model_for_proto_model(proto)?;
    let datum_type = model.input_fact(0)?.datum_type().unwrap();
    let rows = model.symbols.new_with_prefix("rows").to_dim();
    model.set_input_fact(0, datum_type.fact([rows, shape[1].to_dim()]).into())?;
    let plan = model.into_optimized()?.into_runnable()?;
    let input = Tensor::from_shape(shape, features)?
        .cast_to_dt(datum_type)?
        .into_owned();
    plan.run(tvec!(input.into_tvalue()))
}

/// The distance from a number to the next greater one of its magnitude, as a double or as a float.
pub(super) fn unit(value: f64, double: bool) -> f64 {
    if double {
        let bits = value.abs().to_bits();
        f64::from_bits(bits + 1) - f64::from_bits(bits)
    } else {
        let bits = (value.abs() as f32).to_bits();
        f64::from(f32::from_bits(bits + 1)) - f64::from(f32::from_bits(bits))
    }
}

/// How many units two numbers are apart; without end where only one is NaN.
pub(super) fn distance(got: f64, expected: f64, unit: f64) -> f64 {
    if got == expected || (got.is_nan() && expected.is_nan()) {
        return 0.0;
    }
    let distance = (got - expected).abs() / unit;
    if distance.is_nan() { f64::INFINITY } else { distance }
}

#[test]
fn differences_are_counted_in_units_in_the_last_place() {
    let next = |value: f32| f64::from(f32::from_bits(value.to_bits() + 1));
    let off = |got, expected, double| distance(got, expected, unit(expected, double));
    assert_eq!(off(0.3f32.into(), 0.3f32.into(), false), 0.0);
    assert_eq!(off(next(0.3), 0.3f32.into(), false), 1.0);
    assert_eq!(off(-1.0 - 2.0 * f64::EPSILON, -1.0, true), 2.0);
    assert_eq!(off(0.0, -0.0, true), 0.0);
    assert_eq!(off(f64::from_bits(3), 0.0, true), 3.0);
    for (got, expected, far) in [
        (f64::NAN, f64::NAN, 0.0),
        (f64::NAN, 0.5, f64::INFINITY),
        (0.5, f64::NAN, f64::INFINITY),
        (f64::INFINITY, f64::INFINITY, 0.0),
        (f64::INFINITY, f64::NEG_INFINITY, f64::INFINITY),
        (0.5, f64::INFINITY, f64::INFINITY),
    ] {
        assert_eq!(off(got, expected, true), far, "{got} {expected}");
        assert_eq!(off(got, expected, false), far, "{got} {expected}");
    }
}

/// A field of a protocol buffer whose length is given, with its content.
pub fn field(number: usize, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    for mut value in [number << 3 | 2, content.len()] {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    }
    bytes.extend_from_slice(content);
    bytes
}
