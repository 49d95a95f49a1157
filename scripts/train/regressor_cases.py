"""Cases of the TreeEnsembleRegressor of ai.onnx.ml 1 to 3, for tree_cases.py."""

import random

import numpy as np
from cases import NAN, ORT, SPECIFICATION, around, run, write
from ensemble import AGGREGATES, MODES, TRANSFORMS, TYPES, Node, finish, value_info
from node_table import (
    Votes,
    attributes,
    base_values,
    evaluate,
    rounded,
    vote,
)
from onnx import TensorProto, helper
from transforms import distance, transformed, ulps


def case(
    name,
    trees,
    inputs,
    double,
    targets=1,
    aggregate="SUM",
    base=None,
    transform="NONE",
    why=None,
    wide=False,
    **table,
):
    """Writes a TreeEnsembleRegressor. `why` says in what onnxruntime is known to depart, if it does.

    `wide` gives trees of floats features that are doubles.
    """
    dtype, onnx_type = TYPES["double" if double or wide else "float"]
    inputs = np.array(inputs, dtype)
    given = attributes(trees, "target", double, **table) | base_values(base, double)
    node = helper.make_node(
        "TreeEnsembleRegressor",
        ["features"],
        ["probabilities"],
        domain="ai.onnx.ml",
        n_targets=targets,
        aggregate_function=aggregate,
        post_transform=transform,
        **given,
    )
    # Scores are float, whatever the trees are.
    outputs = [value_info("probabilities", TensorProto.FLOAT, targets)]
    features = value_info("features", onnx_type, inputs.shape[1])
    model = finish(node, features, outputs, 3 if double else 1)
    narrow = TYPES["double" if double else "float"][0]
    expected = evaluate(rounded(trees, narrow), inputs, dtype, targets, aggregate, base)
    expected = np.array([transformed(row, transform) for row in expected])
    allowed = ulps(transform)
    try:
        other = run(model, inputs)[0]
        agrees = distance(other, expected) <= allowed
    except Exception as error:
        other, agrees = error, False
    name = f"v{3 if double else 1}_regressor_{name}"
    if agrees != (why is None):
        raise SystemExit(
            f"{name}: onnxruntime {'agrees' if agrees else 'departs'}:\n{expected}\n{other}"
        )
    write(
        name,
        model,
        {
            "inputs": inputs.tolist(),
            "outputs": (other if agrees else expected).tolist(),
            "ulps": allowed,
            "source": f"{SPECIFICATION} ({ORT} {why})" if why else ORT,
        },
    )


def modes(double):
    """Each comparison at 0.1 with NaN to either side, and at zero with both zeros."""
    rows = around(0.1, np.float64 if double else np.float32)
    for mode in MODES[:-1]:
        trees = [
            Node(mode, 0, 0.1, vote(1, 0), vote(2, 0), missing=0),
            Node(mode, 0, 0.1, vote(4, 1), vote(8, 1), missing=1),
            Node(mode, 0, 0.0, vote(16, 2), vote(32, 2), missing=1),
        ]
        if mode == "NEQ":
            why = "takes NaN != x for true although nodes_missing_value_tracks_true is 0"
            case("neq_missing", trees, rows[-1:], double, 3, why=why)
            case("neq", trees, rows[:-1], double, 3)
        else:
            case(mode.lower(), trees, rows, double, 3)
    # Two modes in one ensemble, and the same threshold twice on one way.
    twice = Node(
        "LEQ",
        0,
        1,
        Node("LT", 0, 1, vote(1), vote(2)),
        Node("GT", 0, 1, vote(4), vote(8), missing=1),
    )
    case("equal_thresholds", [twice], around(1, np.float64 if double else np.float32), double)


def spread(targets):
    """Four trees a target, so that every target gets weights from every row, between 0 and 1 in sum."""
    draw = random.Random(5)
    trees = []
    for _ in range(4):
        for target in range(targets):
            a, b, c = (vote(draw.uniform(0.01, 0.24), target) for _ in range(3))
            trees.append(Node("LEQ", 0, 0.5, a, Node("GT", 1, -1, b, c, missing=1)))
    return trees, [[a, b] for a in (0, 0.5, 1, NAN) for b in (-2, -1, 0, NAN)]


def corners(double):
    stump = Node("LT", 0, 0.5, vote(1), vote(2))
    rows = [[0], [0.5], [1], [NAN]]
    case("one_leaf", [vote(0.25), vote(2.5)], rows, double)
    case("leaf_among_trees", [vote(0.25), stump, vote(8)], rows, double)
    case("no_missing_tracks", [stump], rows, double, missing=False)
    forest = [
        Node("LEQ", 0, 0.5, Node("GTE", 1, 2, vote(0.7), vote(-1.1), missing=1), vote(0.3)),
        Node("GT", 1, 1, vote(10.1), Node("EQ", 0, 0, vote(20.3), vote(30.9))),
        vote(100),
    ]
    pairs = [[a, b] for a in (0, 0.5, 1, NAN) for b in (1, 2, 3, NAN)]
    case("gaps", forest, pairs, double, layout="gaps")
    case("far", forest, pairs, double, layout="far", why="wants ids below the number of nodes")
    why = "takes each change of the tree id for another tree"
    case("interleaved", forest, pairs, double, layout="interleaved", why=why)
    several = Node("LT", 0, 0.5, Votes((0, 1), (1, 2), (0, 4)), Votes((1, 8)))
    case("several_weights", [several, Votes((0, 16), (2, 32))], rows, double, 3)
    twice = Node("LT", 0, 0.5, Votes((0, 1), (0, 4)), vote(2))
    case("two_weights_of_one_leaf", [twice], rows, double, why="takes the first weight only")
    none = Node("LT", 0, 0.5, Votes(), vote(2))
    case(
        "leaf_without_weight",
        [none, Node("GT", 1, 0.5, vote(3, 1), Votes())],
        [[0, 0], [0, 1], [1, 1]],
        double,
        2,
    )
    at = vote(60)
    for level in reversed(range(60)):
        at = Node("LT", 0, level + 0.5, vote(level), at)
    case("lopsided", [at], [[x] for x in [-1, 0.5, 1, 17.25, 59.4, 59.5, 60, NAN]], double)


def regressors():
    for double in (False, True):
        modes(double)
        corners(double)
        for targets in (1, 3):
            trees, rows = spread(targets)
            base = [0.125, -0.3, 1 / 3][:targets]
            for aggregate in AGGREGATES:
                name = f"{aggregate.lower()}_{targets}"
                case(name, trees, rows, double, targets, aggregate)
                case(f"{name}_base", trees, rows, double, targets, aggregate, base)
            for transform in TRANSFORMS[1:]:
                # onnxruntime transforms a single target by PROBIT only.
                alone = targets == 1 and transform != "PROBIT"
                why = "leaves a single target as it is" if alone else None
                case(
                    f"{transform.lower()}_{targets}",
                    trees,
                    rows,
                    double,
                    targets,
                    transform=transform,
                    why=why,
                )
    trees, rows = spread(3)
    case("wide", trees, [[np.nextafter(0.5, 1), 0], *rows], False, 3, wide=True)
