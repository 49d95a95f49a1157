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
    use crate::model::fixtures::{self, distance, matrix, run, unit};
    use tract_onnx::prelude::*;

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
            let double = got.datum_type() == f64::datum_type();
            let most = if double { 1.0 } else { 2.0 };
            let got = got.cast_to::<f64>().unwrap();
            let got = got.try_as_plain_ram().unwrap();
            for (&got, &expected) in got.as_slice::<f64>().unwrap().iter().zip(&expected) {
                let expected = if double { expected } else { f64::from(expected as f32) };
                let distance = distance(got, expected, unit(expected, double));
                if distance > most {
                    failed.push(format!("{name}: {got} is {distance} ulp from {expected}"));
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
