"""One small graph for each operator that may stand round the trees, float and double, for tree_cases.py.

Each maps `features` [N, 3] to one output; what it is in onnxruntime is what is expected. onnxruntime has no double for
some operators: there a double is expected to be what numpy makes of it, and `source` says so.
"""

import numpy as np
from cases import INF, NAN, ORT, run, write
from ensemble import TYPES, finish_all, value_info
from onnx import TensorProto, helper, numpy_helper

ROWS = [
    [0.5, -1.25, 2.0],
    [3.0, 0.0, -0.75],
    [-2.5, 1.5, 0.1],
    [0.0, 0.7, 100.0],
    [1.0, 2.0, 3.0],
]
MISSING = [[NAN, 1.0, 2.0], [INF, -INF, 0.0], [NAN, NAN, NAN]]
POSITIVE = [[0.5, 1.25, 2.0], [3.0, 0.25, 0.75], [100.0, 7.0, 1e-3]]


def softmax(x):
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def case(
    name,
    operator,
    rows,
    dtype,
    constants=(),
    width=3,
    numpy=None,
    mask=False,
    near=None,
    domain="",
    narrow=False,
    **attributes,
):
    """`constants` follow the features as inputs; a list is of the type of the features, an array of its own.

    `near` says that onnxruntime is only that near to what numpy computes in double, which is then expected; `mask` that the operator gives truths, which are cast; `narrow` that its result is float in any case.
    """
    number, onnx_type = TYPES[dtype]
    arrays = [np.asarray(c, None if isinstance(c, np.ndarray) else number) for c in constants]
    names = [f"c{i}" for i in range(len(arrays))]
    initial = [numpy_helper.from_array(a, n) for a, n in zip(arrays, names)]
    inputs = ["features", *names]
    if operator in ("Where", "Not", "And", "Or"):
        # The features are above zero, or not.
        nodes = [helper.make_node("Greater", ["features", "zero"], ["positive"])]
        initial.append(numpy_helper.from_array(np.array(0, number), "zero"))
        inputs = {"Where": ["positive", "features", "c0"], "Not": ["positive"]}.get(operator)
        if inputs is None:
            nodes.append(helper.make_node("Less", ["features", "c0"], ["small"]))
            inputs = ["positive", "small"]
    else:
        nodes = []
    result = "mask" if mask else "probabilities"
    nodes.append(helper.make_node(operator, inputs, [result], domain=domain, **attributes))
    out = TensorProto.FLOAT if narrow else onnx_type
    if mask:
        nodes.append(helper.make_node("Cast", ["mask"], ["probabilities"], to=out))
    model = finish_all(
        nodes,
        [value_info("features", onnx_type, 3)],
        [value_info("probabilities", out, width)],
        3,
        initial,
    )
    features = np.array(rows, number)
    source = ORT
    try:
        expected = run(model, features)[0]
        if near:
            better = numpy(features.astype(np.float64)).astype(number)
            assert np.allclose(expected, better, 0, near), (name, expected, better)
            expected, source = better, f"numpy {np.__version__} ({ORT} agrees to {near:g})"
    except Exception as error:
        if numpy is None or "NOT_IMPLEMENTED" not in str(error):
            raise SystemExit(f"{name} {dtype}: {error}") from error
        with np.errstate(all="ignore"):
            expected = numpy(features, *arrays)
        source = f"numpy {np.__version__} ({ORT} has no {dtype} of it)"
    write(
        f"{name}_{dtype}",
        model,
        {"inputs": features.tolist(), "outputs": expected.tolist(), "source": source},
        "operators",
    )


def operators():
    ints = lambda *values: np.array(values, np.int64)
    for dtype in TYPES:
        all_rows = ROWS + MISSING
        for name, function in [
            ("Abs", np.abs),
            ("Ceil", np.ceil),
            ("Floor", np.floor),
            ("Neg", np.negative),
            ("Identity", None),
        ]:
            case(name.lower(), name, all_rows, dtype, numpy=function)
        case("exp", "Exp", ROWS, dtype, numpy=np.exp)
        case("sign", "Sign", ROWS, dtype, numpy=np.sign)
        case("relu", "Relu", ROWS, dtype, numpy=lambda x: np.maximum(x, 0))
        case(
            "sigmoid",
            "Sigmoid",
            ROWS,
            dtype,
            numpy=lambda x: 1 / (1 + np.exp(-x)),
            near=1e-12 if dtype == "double" else 1e-6,
        )
        case("softmax", "Softmax", ROWS, dtype, numpy=softmax, near=1e-6, axis=1)
        case("sqrt", "Sqrt", POSITIVE, dtype, numpy=np.sqrt)
        case("log", "Log", POSITIVE, dtype, numpy=np.log)
        case("reciprocal", "Reciprocal", POSITIVE, dtype, numpy=np.reciprocal)
        case("pow", "Pow", POSITIVE, dtype, [[0.5, 2, 3]], numpy=np.power)
        case("pow_2", "Pow", POSITIVE, dtype, [2], numpy=np.power)
        for name in ("Add", "Sub", "Mul", "Div"):
            case(name.lower(), name, all_rows, dtype, [[0.1, 3, -7]])
            case(f"{name.lower()}_one", name, all_rows, dtype, [0.3])
        for name in ("Sum", "Mean", "Max", "Min"):
            function = {
                "Sum": np.add,
                "Mean": lambda x, c: (x + c) / 2,
                "Max": np.maximum,
                "Min": np.minimum,
            }[name]
            case(name.lower(), name, ROWS, dtype, [[0.1, 0.3, -7]], numpy=function)
        for name in ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"):
            case(name.lower(), name, all_rows, dtype, [[0.5, 0, 2]], mask=True)
        case("isnan", "IsNaN", all_rows, dtype, mask=True)
        for name in ("Not", "And", "Or"):
            case(name.lower(), name, ROWS, dtype, [1], mask=True)
        case("where", "Where", ROWS, dtype, [[7, 8, 9]])
        case("clip", "Clip", ROWS, dtype, [-1, 1.5])
        case("cast", "Cast", ROWS, dtype, narrow=True, to=TensorProto.FLOAT)
        case("cast_int", "Cast", ROWS, dtype, mask=True, to=TensorProto.INT64)
        case("argmax", "ArgMax", ROWS, dtype, width=1, mask=True, axis=1, keepdims=1)
        case("gather", "Gather", ROWS, dtype, [ints(2, 0)], width=2, axis=1)
        case("slice", "Slice", ROWS, dtype, [ints(1), ints(3), ints(1)], width=2)
        case("reshape", "Reshape", ROWS, dtype, [ints(-1, 3)])
        case(
            "array_feature_extractor",
            "ArrayFeatureExtractor",
            ROWS,
            dtype,
            [ints(2, 0)],
            width=2,
            domain="ai.onnx.ml",
        )
        weights = [[0.5, 1.0], [0.25, -1.0], [2.0, 0.5]]
        case("matmul", "MatMul", ROWS, dtype, [weights], width=2)
        for name in ("Max", "Mean", "Min", "Sum"):
            case(
                f"reduce_{name.lower()}",
                f"Reduce{name}",
                ROWS,
                dtype,
                [ints(1)],
                width=1,
                keepdims=1,
            )
        case(
            "scaler",
            "Scaler",
            all_rows,
            dtype,
            domain="ai.onnx.ml",
            narrow=True,
            offset=[0.1, 0.2, 0.3],
            scale=[1.5, 0.7, 2],
        )
        case(
            "scaler_one",
            "Scaler",
            all_rows,
            dtype,
            domain="ai.onnx.ml",
            narrow=True,
            offset=[0.1],
            scale=[1.5],
        )
        for replaced in (NAN, 0.0):
            for values in ([7.5, 8.1, 9.0], [0.1]):
                name = f"imputer_{'nan' if np.isnan(replaced) else 'zero'}_{len(values)}"
                given = {"imputed_value_floats": values, "replaced_value_float": replaced}
                impute = lambda x: np.where(
                    np.isnan(x) if np.isnan(replaced) else x == replaced, np.float32(values), x
                )
                case(name, "Imputer", all_rows, dtype, domain="ai.onnx.ml", numpy=impute, **given)
        for norm in ("MAX", "L1", "L2"):
            rows = [*ROWS, [0, 0, 0], [-1, -2, -3]]
            case(
                f"normalizer_{norm.lower()}",
                "Normalizer",
                rows,
                dtype,
                domain="ai.onnx.ml",
                narrow=True,
                norm=norm,
            )
        above = lambda x: (x > 0.5).astype(x.dtype)
        case("binarizer", "Binarizer", ROWS, dtype, domain="ai.onnx.ml", numpy=above, threshold=0.5)
        chains(dtype)


def chains(dtype):
    """Operators that undo one another, since the output is a matrix of rows."""
    number, onnx_type = TYPES[dtype]
    features = np.array(ROWS, number)
    axis = numpy_helper.from_array(np.array([1], np.int64), "axis")
    half = helper.make_node(
        "Constant", [], ["half"], value=numpy_helper.from_array(np.array([0.5], number))
    )
    for name, nodes, initial in [
        (
            "unsqueeze_squeeze",
            [
                ("Unsqueeze", ["features", "axis"], ["deep"], {}),
                ("Squeeze", ["deep", "axis"], ["probabilities"], {}),
            ],
            [axis],
        ),
        (
            "transpose",
            [
                ("Transpose", ["features"], ["turned"], {"perm": [1, 0]}),
                ("Mul", ["turned", "half"], ["halved"], {}),
                ("Transpose", ["halved"], ["probabilities"], {"perm": [1, 0]}),
            ],
            [],
        ),
        (
            "split",
            [
                ("Split", ["features", "widths"], ["a", "b"], {"axis": 1}),
                ("Concat", ["b", "a"], ["probabilities"], {"axis": 1}),
            ],
            [numpy_helper.from_array(np.array([1, 2], np.int64), "widths")],
        ),
    ]:
        made = [
            helper.make_node(operator, given, out, **more) for operator, given, out, more in nodes
        ]
        if any("half" in node.input for node in made):
            made.insert(0, half)
        infos = [value_info("features", onnx_type, 3)], [value_info("probabilities", onnx_type, 3)]
        model = finish_all(made, *infos, 3, initial)
        expected = run(model, features)[0]
        case_of = {"inputs": features.tolist(), "outputs": expected.tolist(), "source": ORT}
        write(f"{name}_{dtype}", model, case_of, "operators")
