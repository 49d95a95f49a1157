use super::*;
use tract_onnx::pb::{
    AttributeProto, GraphProto, TensorProto, ValueInfoProto, attribute_proto, tensor_shape_proto, type_proto,
};

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

/// Makes a list of the matrix that a node gives.
fn flatten(graph: &mut GraphProto, position: usize) {
    let output = std::mem::replace(&mut graph.node[position].output[0], "matrix".to_owned());
    let mut reshape = node("Reshape", "matrix", &output);
    reshape.input.push("flat".to_owned());
    graph.node.insert(position + 1, reshape);
    graph.initializer.push(TensorProto {
        name: "flat".to_owned(),
        data_type: 7,
        dims: vec![1],
        int64_data: vec![-1],
        ..Default::default()
    });
}

fn refused(change: impl FnOnce(&mut GraphProto)) -> String {
    let mut proto = classifier();
    change(proto.graph.as_mut().unwrap());
    let Err(error) = build(proto, 2, 2, "it") else {
        panic!("not refused");
    };
    error.to_string()
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

#[test]
fn trees_without_a_kernel_are_told_with_the_reason() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/airline-gbm.onnx");
    let mut proto = parse(&std::fs::read(path).unwrap(), "it").unwrap();
    assert_eq!(build(proto.clone(), 11, 2, "it").unwrap().no_kernel, None);
    let nodes = proto.graph.as_mut().unwrap().node.iter_mut();
    let aggregates = nodes.flat_map(|node| &mut node.attribute);
    // The greatest of the leaves.
    aggregates
        .filter(|attribute| attribute.name == "aggregate_function")
        .for_each(|attribute| attribute.i = 3);
    let plain = build(proto, 11, 2, "it").unwrap().no_kernel.unwrap();
    assert!(plain.contains("not their sum"), "{plain}");
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
            refused(|graph| tensor_of(&mut graph.input[0]).elem_type = 7),
            "it: the input \"features\" is of an integer type, which has no missing value: export the model with an input of type float or double",
        ),
        (
            refused(|graph| {
                tensor_of(&mut graph.input[0]).shape.as_mut().unwrap().dim.pop();
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

/// A classifier of the features `a` and `b`, which are two inputs, beside `unused`.
fn of_several_inputs(unused: usize) -> ModelProto {
    let mut proto = classifier();
    let graph = proto.graph.as_mut().unwrap();
    let input = |name: &str, width: i64| {
        let mut input = classifier().graph.unwrap().input.remove(0);
        input.name = name.to_owned();
        width_of(&mut input, Some(width));
        input
    };
    let mut concat = node("Concat", "a", "features");
    concat.input.push("b".to_owned());
    concat.attribute.push(AttributeProto {
        name: "axis".to_owned(),
        r#type: attribute_proto::AttributeType::Int.into(),
        i: 1,
        ..Default::default()
    });
    graph.node.insert(0, concat);
    graph.input = vec![input("a", 1), input("b", 1)];
    graph.input.insert(unused, input("unused", 3));
    proto
}

fn width_of(input: &mut ValueInfoProto, width: Option<i64>) {
    let shape = tensor_of(input).shape.as_mut().unwrap();
    shape.dim[1].value = width.map(tensor_shape_proto::dimension::Value::DimValue);
}

fn tensor_of(input: &mut ValueInfoProto) -> &mut type_proto::Tensor {
    let Some(type_proto::Value::TensorType(tensor)) = input.r#type.as_mut().unwrap().value.as_mut() else {
        panic!("not a tensor");
    };
    tensor
}

#[test]
fn the_features_are_shared_among_the_inputs_in_their_order() {
    for (unused, columns) in [(0, [3..4, 4..5]), (1, [0..1, 4..5]), (2, [0..1, 1..2])] {
        let graph = build(of_several_inputs(unused), 5, 2, "it").unwrap();
        let parts: Vec<_> = graph.inputs.parts().iter().map(|part| part.columns.clone()).collect();
        assert_eq!(parts, columns);
        assert!(!graph.inputs.is_whole());
        assert_eq!(graph.inputs.precision(), Precision::F32);
    }
    // What is not needed may be of any type, and one of them may leave its width open.
    let mut proto = of_several_inputs(1);
    let input = &mut proto.graph.as_mut().unwrap().input;
    tensor_of(&mut input[1]).elem_type = 8;
    width_of(&mut input[1], None);
    let graph = build(proto.clone(), 9, 2, "it").unwrap();
    assert_eq!(graph.inputs.parts()[1].columns, 8..9);
    width_of(&mut proto.graph.as_mut().unwrap().input[0], None);
    let error = build(proto, 9, 2, "it").err().unwrap().to_string();
    let expected = "it: neither the input \"a\" nor \"unused\" says how many features it takes";
    assert_eq!(error, expected);
    let error = build(of_several_inputs(0), 4, 2, "it").err().unwrap().to_string();
    let expected = "it: the inputs take 5 features (\"unused\" 3, \"a\" 1, \"b\" 1), but the metadata names 4";
    assert_eq!(error, expected);
}

#[test]
fn a_float_and_a_double_input_share_a_matrix_of_doubles() {
    let mut proto = of_several_inputs(2);
    let graph = proto.graph.as_mut().unwrap();
    tensor_of(&mut graph.input[1]).elem_type = DOUBLE;
    let mut cast = node("Cast", "b", "narrow");
    cast.attribute.push(AttributeProto {
        name: "to".to_owned(),
        r#type: attribute_proto::AttributeType::Int.into(),
        i: FLOAT.into(),
        ..Default::default()
    });
    graph.node[0].input[1] = "narrow".to_owned();
    graph.node.insert(0, cast);
    let several = build(proto, 5, 2, "it").unwrap();
    assert_eq!(several.inputs.precision(), Precision::F64);
    let one = build(classifier(), 2, 2, "it").unwrap();
    let rows = [
        [0.5, 2.0, 9.0, 9.0, 9.0],
        [1.0, 1.0, 9.0, 9.0, 9.0],
        [0.0, 3.0, 9.0, 9.0, f64::NAN],
    ];
    let scores = |graph: &Graph, matrix: &[f64]| {
        let inputs = crate::model::scorer::tensors(&graph.inputs, matrix, rows.len()).unwrap();
        graph.plan.run(inputs).unwrap().remove(0)
    };
    let narrow: Vec<f64> = rows.iter().flat_map(|row| row[..2].to_vec()).collect();
    assert_eq!(scores(&several, &rows.concat()), scores(&one, &narrow));
}

#[test]
fn what_is_left_to_one_is_filled_in_by_the_scorer() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models/airline-gbm.onnx");
    let proto = parse(&std::fs::read(path).unwrap(), "it").unwrap();
    let form = |change: fn(&mut GraphProto)| {
        let mut proto = proto.clone();
        change(proto.graph.as_mut().unwrap());
        build(proto, 11, 2, "it").unwrap().output.form
    };
    assert_eq!(form(|_| ()), Form::One(1));
    assert_eq!(
        form(|graph| graph.node.last_mut().unwrap().input.reverse()),
        Form::One(0)
    );
    // Two minus the probability is left to the graph, as is a sum.
    let two = |graph: &mut GraphProto| {
        let one = graph
            .initializer
            .iter_mut()
            .find(|tensor| tensor.name == "one")
            .unwrap();
        one.raw_data.clear();
        one.double_data = vec![2.0];
    };
    assert_eq!(form(two), Form::Labels);
    assert_eq!(form(|graph| graph.node[3].op_type = "Add".to_owned()), Form::Labels);
    assert_eq!(form(|graph| graph.node[3].input.reverse()), Form::Labels);
    let three = build(proto.clone(), 11, 3, "it").err().unwrap().to_string();
    assert!(three.contains("it should be [") && three.contains(", 3]"), "{three}");
    // Of a list of numbers, joining makes a longer list.
    let mut flat = proto.clone();
    flatten(flat.graph.as_mut().unwrap(), 2);
    assert!(build(flat, 11, 2, "it").is_err());
}

#[test]
fn one_number_a_row_is_for_two_labels_only() {
    let regressor = || crate::model::fixtures::proto("trees", "v1_regressor_logistic_1");
    let form = |proto: ModelProto| build(proto, 2, 2, "it").unwrap().output.form;
    assert_eq!(form(regressor()), Form::Positive);
    let mut flat = regressor();
    flatten(flat.graph.as_mut().unwrap(), 0);
    assert_eq!(form(flat), Form::Positive);
    let error = build(regressor(), 2, 3, "it").err().unwrap().to_string();
    assert!(
        error.contains(", 1], but it should be [") && error.contains(", 3]"),
        "{error}"
    );
}

#[test]
fn names_of_any_length_make_short_errors() {
    let long = "x".repeat(1 << 20);
    let named = |operator: &str| {
        let mut named = node(operator, "features", "more");
        named.name.clone_from(&long);
        named
    };
    let reading = |graph: &mut GraphProto, node: NodeProto| {
        graph.node.insert(0, node);
        graph.node[1].input[0] = "more".to_owned();
    };
    let cases = [
        refused(|graph| reading(graph, named(&long))),
        refused(|graph| graph.node[0].domain.clone_from(&long)),
        refused(|graph| graph.node[0].input[0].clone_from(&long)),
        refused(|graph| graph.output = vec![value(&long)]),
        refused(|graph| {
            graph.node[0].output[1].clone_from(&long);
            graph.node.push(node("Identity", "features", &long));
        }),
        refused(|graph| {
            graph.input[0].name.clone_from(&long);
            graph.node[0].input[0].clone_from(&long);
            tensor_of(&mut graph.input[0]).elem_type = 7;
        }),
        refused(|graph| {
            let axes = AttributeProto {
                name: "axes".to_owned(),
                ints: vec![5; 1 << 20],
                ..Default::default()
            };
            let mut sum = named("ReduceSum");
            sum.attribute = vec![axes];
            reading(graph, sum);
        }),
        refused(|graph| {
            graph.initializer = vec![TensorProto {
                name: long.clone(),
                ..Default::default()
            }];
            graph.node[0].input.push(long.clone());
        }),
        // tract names the node.
        refused(|graph| {
            graph.node[0].name.clone_from(&long);
            graph.node[0].attribute.clear();
        }),
        refused(|graph| reading(graph, named("Scaler"))),
    ];
    for (position, message) in cases.iter().enumerate() {
        assert!(message.len() < 1200, "{position}: {} bytes", message.len());
        assert!(message.contains("xxx"), "{position}: {message}");
    }
}

#[test]
fn what_would_cost_too_much_is_refused_before_it_is_run() {
    let tensor = |name: &str, dims: &[i64], values: usize| TensorProto {
        name: name.to_owned(),
        data_type: FLOAT,
        dims: dims.to_vec(),
        float_data: vec![1.0; values],
        ..Default::default()
    };
    let two = |operator: &str, first: &str, second: &str, output: &str| {
        let mut two = node(operator, first, output);
        two.input.push(second.to_owned());
        two
    };
    let cases = [
        (
            refused(|graph| {
                graph.initializer = vec![tensor("big", &[1 << 40], 3)];
                graph.node.insert(0, two("Add", "features", "big", "more"));
                graph.node[1].input[0] = "more".to_owned();
            }),
            "it: the initial value \"big\" has 3 values, its dimensions [1099511627776] need 1099511627776",
        ),
        (
            refused(|graph| {
                graph.initializer = vec![tensor("a", &[2000, 1], 2000), tensor("b", &[1, 2000], 2000)];
                graph.node.insert(0, two("Mul", "a", "b", "table"));
                graph.node.insert(1, two("MatMul", "features", "table", "more"));
                graph.node[2].input[0] = "more".to_owned();
            }),
            "it: Mul (node \"\") may compute 4000000 numbers from constants, at most 1048576 are supported",
        ),
        (
            refused(|graph| {
                graph.initializer = vec![tensor("wide", &[1, 20000], 20000), tensor("one", &[2, 1], 2)];
                graph.node.insert(0, two("MatMul", "features", "one", "column"));
                graph.node.insert(1, two("Add", "column", "wide", "more"));
                graph.node[2].input[0] = "more".to_owned();
            }),
            "numbers for each row, at most 16384 are supported",
        ),
        (
            refused(|graph| {
                graph.node.insert(0, node("Transpose", "features", "turned"));
                graph.node.insert(1, two("MatMul", "features", "turned", "square"));
                graph.node.insert(2, two("MatMul", "square", "features", "more"));
                graph.node[3].input[0] = "more".to_owned();
            }),
            "grows faster than the number of rows",
        ),
        (
            refused(|graph| {
                graph.node[0].attribute.push(AttributeProto {
                    name: "then_branch".to_owned(),
                    g: Some(GraphProto::default()),
                    ..Default::default()
                });
            }),
            "has a graph in it, which is not supported",
        ),
        (
            refused(|graph| {
                graph.node[0].input[0] = "more".to_owned();
                graph.node.push(node("Identity", "features", "more"));
            }),
            "it: ai.onnx.ml.TreeEnsembleClassifier reads \"more\", which nothing before it in the graph produces",
        ),
        (
            refused(|graph| {
                graph.node[0].input[0] = "0".to_owned();
                let chain = (0..1000).map(|i| node("Neg", &(i + 1).to_string(), &i.to_string()));
                graph.node.extend(chain.collect::<Vec<_>>());
            }),
            "it: the graph has 1001 nodes, at most 1000 are supported",
        ),
        (
            refused(|graph| {
                graph.node.insert(0, two("Gather", "features", "features", "more"));
                graph.node[1].input[0] = "more".to_owned();
            }),
            "it: Gather (node \"\") picks from computed positions, which may be those of another row",
        ),
        (
            refused(|graph| {
                let mut axes = tensor("axes", &[1], 0);
                (axes.data_type, axes.int64_data) = (7, vec![5]);
                graph.initializer = vec![axes];
                graph.node.insert(0, two("ReduceSum", "features", "axes", "more"));
                graph.node[1].input[0] = "more".to_owned();
            }),
            "it: ReduceSum (node \"\") has the axes [5], they should be of [1, -1]",
        ),
        (
            refused(|graph| {
                let mut outside = tensor("outside", &[1], 0);
                outside.data_location = Some(1);
                graph.initializer = vec![outside];
                graph.node.insert(0, two("Add", "features", "outside", "more"));
                graph.node[1].input[0] = "more".to_owned();
            }),
            "it: the initial value \"outside\" has its values in another file, which is not supported",
        ),
    ];
    for (got, expected) in cases {
        assert!(got.ends_with(expected), "{got:?} does not end with {expected:?}");
    }
}
