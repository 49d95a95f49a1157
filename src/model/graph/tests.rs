use super::*;
use tract_onnx::pb::{GraphProto, ValueInfoProto, type_proto};

/// A classifier of two float features with the outputs `label` and `probabilities`.
fn classifier() -> ModelProto {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/trees/v1_all_0_logistic.onnx");
    parse(&std::fs::read(path).unwrap(), "it").unwrap()
}

fn node(operator: &str, input: &str, output: &str) -> NodeProto {
    NodeProto {
        op_type: operator.to_owned(),
        input: vec![input.to_owned()],
        output: vec![output.to_owned()],
        ..Default::default()
    }
}

fn refused(change: impl FnOnce(&mut GraphProto)) -> String {
    let mut proto = classifier();
    change(proto.graph.as_mut().unwrap());
    let Err(error) = build(proto, 2, 2, "it") else {
        panic!("not refused");
    };
    error.to_string()
}

fn input_tensor(graph: &mut GraphProto) -> &mut type_proto::Tensor {
    let Some(type_proto::Value::TensorType(tensor)) = graph.input[0].r#type.as_mut().unwrap().value.as_mut() else {
        panic!("not a tensor");
    };
    tensor
}

#[test]
fn what_leads_elsewhere_than_to_the_scores_does_not_matter() {
    let mut proto = classifier();
    let graph = proto.graph.as_mut().unwrap();
    // As skl2onnx and onnxmltools end their files.
    graph.node.push(node("Unheard", "label", "output_label"));
    graph.node.push(node("ZipMap", "probabilities", "maps"));
    graph.output = ["output_label", "maps"].map(value).to_vec();
    graph.output[0].r#type = graph.input[0].r#type.clone();
    if let Some(type_proto::Value::TensorType(tensor)) = graph.output[0].r#type.as_mut().unwrap().value.as_mut() {
        tensor.elem_type = 7;
    }
    let graph = build(proto, 2, 2, "it").unwrap();
    assert_eq!(graph.inputs.precision(), Precision::F32);
    let (precision, form) = (Precision::F32, Form::Labels);
    assert_eq!(graph.output, Output { precision, form });
}

fn value(name: &str) -> ValueInfoProto {
    ValueInfoProto {
        name: name.to_owned(),
        ..Default::default()
    }
}

#[test]
fn what_is_wrong_is_named() {
    let cases = [
        (
            refused(|graph| graph.output.clear()),
            "it: the graph has no output of type float or double",
        ),
        (
            refused(|graph| graph.output = ["a", "b"].map(value).to_vec()),
            "it: the graph has several outputs of type float or double: call the scored one `probabilities`",
        ),
        (
            refused(|graph| graph.output = vec![value("scores")]),
            "it: no node of the graph produces the output \"scores\"",
        ),
        (
            refused(|graph| graph.node.push(node("Identity", "label", "probabilities"))),
            "it: two nodes of the graph produce \"probabilities\"",
        ),
        (
            refused(|graph| graph.node[0].input[0] = "rows".to_owned()),
            "it: ai.onnx.ml.TreeEnsembleClassifier reads \"rows\", which nothing before it in the graph produces",
        ),
        (
            refused(|graph| {
                graph.node[0].input[0] = "scaled".to_owned();
                graph.node.push(node("SVMClassifier", "features", "scaled"));
            }),
            "it: the operator SVMClassifier (node \"\") is not supported",
        ),
        (
            refused(|graph| graph.node[0].input.push("weights".to_owned())),
            "it: ai.onnx.ml.TreeEnsembleClassifier reads \"weights\", which nothing before it in the graph produces",
        ),
        (
            refused(|graph| input_tensor(graph).elem_type = 7),
            "it: the input \"features\" is of an integer type, which has no missing value: export the model with an input of type float or double",
        ),
        (
            refused(|graph| {
                input_tensor(graph).shape.as_mut().unwrap().dim.pop();
            }),
            "it: the input \"features\" has 1 dimensions, not rows and features",
        ),
    ];
    for (got, expected) in cases {
        assert_eq!(got, expected);
    }
    let Err(error) = build(classifier(), 3, 2, "it") else {
        panic!("not refused");
    };
    let expected = "it: the input \"features\" takes 2 features, but the metadata names 3";
    assert_eq!(error.to_string(), expected);
}
