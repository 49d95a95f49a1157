//! The operators that a graph may use.

use crate::model::{forest, preparation, sigmoid};
use tract_onnx::Onnx;
use tract_onnx::pb::NodeProto;

/// What exporters put round trees. Each computes in float and in double as other implementations do, which the test
/// below shows, and none makes up a size of its own, so that [`check_sizes`](super::soundness::check_sizes) knows what
/// a run takes.
const OPERATORS: [&str; 59] = [
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
    "Flatten",
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
    "Tanh",
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
    preparation::register(&mut onnx.op_register);
    sigmoid::register(&mut onnx.op_register);
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
