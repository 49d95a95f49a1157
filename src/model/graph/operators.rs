//! The operators that a graph may use.

use crate::model::{elementwise, forest, rowwise};
use tract_onnx::Onnx;
use tract_onnx::pb::NodeProto;

/// What exporters put round trees. Each computes in float and in double as other implementations do, which the test
/// below shows, and none makes up a size of its own, so that [`check_sizes`](super::soundness::check_sizes) knows what
/// a run takes.
const OPERATORS: [&str; 57] = [
    "Abs",
    "Add",
    "And",
    "ArgMax",
    "ArrayFeatureExtractor",
    "Binarizer",
    "Cast",
    "Ceil",
    "Clip",
    "Concat",
    "Constant",
    "Div",
    "Equal",
    "Exp",
    "Floor",
    "Gather",
    "Greater",
    "GreaterOrEqual",
    "Identity",
    "Imputer",
    "IsNaN",
    "Less",
    "LessOrEqual",
    "Log",
    "MatMul",
    "Max",
    "Mean",
    "Min",
    "Mul",
    "Neg",
    "Normalizer",
    "Not",
    "Or",
    "Pow",
    "Reciprocal",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceSum",
    "Relu",
    "Reshape",
    "Scaler",
    "Sigmoid",
    "Sign",
    "Slice",
    "Softmax",
    "Split",
    "Sqrt",
    "Squeeze",
    "Sub",
    "Sum",
    "Transpose",
    "TreeEnsemble",
    "TreeEnsembleClassifier",
    "TreeEnsembleRegressor",
    "Unsqueeze",
    "Where",
];

/// tract with these operators, and no other.
pub(in crate::model) fn framework() -> Onnx {
    let mut onnx = tract_onnx::onnx().with_ignore_value_info(true);
    forest::register(&mut onnx.op_register);
    rowwise::register(&mut onnx.op_register);
    elementwise::register(&mut onnx.op_register);
    onnx.op_register.0.retain(|name, _| OPERATORS.contains(&name.as_str()));
    onnx
}

/// The names of operators are looked up without their domain.
pub(super) fn supports(onnx: &Onnx, node: &NodeProto) -> bool {
    matches!(node.domain.as_str(), "" | "ai.onnx" | "ai.onnx.ml") && onnx.op_register.0.contains_key(&node.op_type)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::fixtures::{self, matrix, run};
    use tract_onnx::prelude::*;

    /// In steps of the last bit; far apart where only one is NaN.
    fn distance(got: &Tensor, position: usize, expected: f64) -> u64 {
        fn steps(a: i64, b: i64) -> u64 {
            // Numbers and their bits have the same order, apart from the sign.
            let ordered = |bits: i64| if bits < 0 { i64::MIN - bits } else { bits };
            ordered(a).abs_diff(ordered(b))
        }
        let view = got.try_as_plain_ram().unwrap();
        match got.datum_type() {
            DatumType::F32 => {
                let got = view.as_slice::<f32>().unwrap()[position];
                if got.is_nan() && expected.is_nan() {
                    return 0;
                }
                let widened = |bits: u32| i64::from(bits as i32) << 32;
                steps(widened(got.to_bits()), widened((expected as f32).to_bits())) >> 32
            }
            _ => {
                let got = view.as_slice::<f64>().unwrap()[position];
                if got.is_nan() && expected.is_nan() {
                    return 0;
                }
                steps(got.to_bits() as i64, expected.to_bits() as i64)
            }
        }
    }

    #[test]
    fn every_operator_computes_what_another_implementation_does() {
        let fixtures = fixtures::all("operators");
        let mut failed = vec![];
        let mut tested = std::collections::HashSet::new();
        for (name, fixture) in &fixtures {
            let (shape, features) = matrix(&fixture["inputs"]);
            let (expected_shape, expected) = matrix(&fixture["outputs"]);
            let proto = fixtures::proto("operators", name);
            let nodes = proto.graph.as_ref().unwrap().node.iter();
            tested.extend(nodes.map(|node| node.op_type.clone()));
            let got = match run(&proto, &shape, &features) {
                Ok(mut outputs) => outputs.remove(0),
                Err(error) => {
                    failed.push(format!("{name}: {error:#}"));
                    continue;
                }
            };
            assert_eq!(got.shape(), expected_shape, "{name}");
            let most = if got.datum_type() == f64::datum_type() { 1 } else { 2 };
            for (position, &expected) in expected.iter().enumerate() {
                let distance = distance(&got, position, expected);
                if distance > most {
                    failed.push(format!("{name}, value {position}: {distance} steps from {expected}"));
                }
            }
        }
        assert!(failed.is_empty(), "{}", failed.join("\n"));
        let untested: Vec<_> = OPERATORS.into_iter().filter(|&name| !tested.contains(name)).collect();
        let trees = ["TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"];
        assert_eq!(untested, trees, "they have fixtures of their own");
    }

    #[test]
    fn every_operator_is_there() {
        let onnx = framework();
        let missing: Vec<_> = OPERATORS
            .into_iter()
            .filter(|&name| !onnx.op_register.0.contains_key(name))
            .collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
