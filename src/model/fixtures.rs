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

/// All fixtures of a kind with their names.
pub(super) fn all(kind: &str) -> Vec<(String, Value)> {
    let entries = std::fs::read_dir(directory(kind)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let described = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    described
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap())
        })
        .collect()
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
