"""Modes and corners of the TreeEnsembleClassifier of ai.onnx.ml 1 to 3, for tree_cases.py.

The specification does not say what the score of a class is that no leaf speaks for. Of two classes whose leaves all
speak for the first, onnxruntime takes the sum for a score of the second: a share where no weight is negative, and
otherwise a number that is positive for the second class. `two_scores` has that convention.
"""

import numpy as np
from cases import NAN, ORT, SPECIFICATION, around, run, write
from ensemble import MODES, TRANSFORMS, TYPES, Node, finish, value_info
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
    labels,
    base=None,
    transform="NONE",
    why=None,
    wide=False,
    unheard=False,
    **table,
):
    """Writes a TreeEnsembleClassifier. `why` says in what the scores of onnxruntime are known to depart, if they do.

    `wide` gives trees of floats features that are doubles; `unheard` keeps onnxruntime out of it, which crashes.
    """
    dtype, onnx_type = TYPES["double" if double or wide else "float"]
    inputs = np.array(inputs, dtype)
    given = attributes(trees, "class", double, **table) | base_values(base, double)
    texts = isinstance(labels[0], str)
    given["classlabels_strings" if texts else "classlabels_int64s"] = labels
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["features"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        post_transform=transform,
        **given,
    )
    outputs = [
        helper.make_tensor_value_info(
            "label", TensorProto.STRING if texts else TensorProto.INT64, ["N"]
        ),
        value_info("probabilities", TensorProto.FLOAT, len(labels)),
    ]
    features = value_info("features", onnx_type, inputs.shape[1])
    model = finish(node, features, outputs, 3 if double else 1)
    trees = rounded(trees, TYPES["double" if double else "float"][0])
    expected = expected_scores(trees, inputs, dtype, len(labels), base, transform)
    allowed = ulps(transform)
    name = f"v{3 if double else 1}_class_{name}"
    other_labels = None
    if not unheard:
        other_labels, other = run(model, inputs)
        agrees = distance(other, expected) <= allowed
        if agrees != (why is None):
            raise SystemExit(
                f"{name}: onnxruntime {'agrees' if agrees else 'departs'}:\n{expected}\n{other}"
            )
        if agrees:
            expected = other
    top = [labels[number] for number in np.nan_to_num(expected, nan=-np.inf).argmax(axis=1)]
    source = ORT
    if other_labels is not None and top != other_labels.tolist():
        source = f"{ORT}; labels: {SPECIFICATION} (not always those of {ORT})"
    if why:
        source = f"{SPECIFICATION} ({ORT} {why})"
    write(
        name,
        model,
        {
            "inputs": inputs.tolist(),
            "outputs": expected.tolist(),
            "labels": top,
            "ulps": allowed,
            "source": source,
        },
    )


def expected_scores(trees, inputs, dtype, classes, base, transform):
    votes = [each for tree in trees for leaf in leaves(tree) for each in leaf.votes]
    spoken_for = {target for target, _ in votes}
    if classes == 2 and spoken_for == {0} and len(base or []) < 2:
        sums = evaluate(trees, inputs, dtype, 1, base=base)[:, 0]
        return two_scores(sums, all(weight >= 0 for _, weight in votes), transform)
    if base and classes == 2 and len(base) == 1:
        # Beyond the specification: onnxruntime adds it to the first class, where that has a score.
        base = [base[0], 0] if 0 in spoken_for else None
    sums = evaluate(trees, inputs, dtype, classes, base=base)
    return np.array([transformed(row, transform) for row in sums])


def two_scores(sums, share, transform):
    second = sums.astype(np.float32)
    first = (1 - sums).astype(np.float32) if share else -second
    if transform == "LOGISTIC":
        # Whatever the share, the two make one.
        return np.stack([transformed(-second, transform), transformed(second, transform)], 1)
    both = np.stack([first, second], 1)
    # Neither form of softmax is applied.
    apply = "PROBIT" if transform == "PROBIT" else "NONE"
    return np.array([transformed(row, apply) for row in both])


def leaves(tree):
    return [tree] if isinstance(tree, Votes) else leaves(tree.yes) + leaves(tree.no)


def modes(double):
    """Each comparison at 0.1 with NaN to either side, and at zero with both zeros."""
    labels = ["a", "b", "c"]
    rows = around(0.1, np.float64 if double else np.float32)
    for mode in MODES[:-1]:
        trees = [
            Node(mode, 0, 0.1, vote(1, 0), vote(2, 0), missing=0),
            Node(mode, 0, 0.1, vote(4, 1), vote(8, 1), missing=1),
            Node(mode, 0, 0.0, vote(16, 2), vote(32, 2), missing=1),
        ]
        if mode == "NEQ":
            why = "takes NaN != x for true although nodes_missing_value_tracks_true is 0"
            case("neq_missing", trees, rows[-1:], double, labels, why=why)
            case("neq", trees, rows[:-1], double, labels)
        else:
            case(mode.lower(), trees, rows, double, labels)


def stumps(weights, classes):
    """Two trees on one feature, their four leaves with these weights for the classes in turn."""
    a, b, c, d = (vote(weight, classes[i % len(classes)]) for i, weight in enumerate(weights))
    return [Node("LEQ", 0, 0.5, a, b), Node("LEQ", 0, 1.5, c, d)]


MIXED = [0.75, -1.25, 0.5, -0.625]
SHARES = [0.375, 0.0625, 0.4375, 0.25]
ROWS = [[0], [1], [2], [NAN]]


def two_classes(double):
    labels = ["NO", "YES"]
    for only in (0, 1):
        for kind, weights in (("", MIXED), ("_positive", SHARES)):
            for transform in TRANSFORMS:
                trees = stumps(weights, [only])
                name = f"all_{only}{kind}_{transform.lower()}"
                # Of the second score, it leaves in memory what was there.
                why = "leaves out the second score" if (only, transform) == (0, "PROBIT") else None
                case(name, trees, ROWS, double, labels, transform=transform, why=why)
                case(f"{name}_base1", trees, ROWS, double, labels, [0.25], transform, why)
                why = "leaves out base values and scores of the second class"
                case(f"{name}_base2", trees, ROWS, double, labels, [0.125, 0.25], transform, why)
    both = [
        Node("LEQ", 0, 0.5, Votes((0, 0.25), (1, 0.125)), Votes((0, 0.0625), (1, 0.375))),
        Node("LEQ", 0, 1.5, Votes((0, 0.125), (1, 0.25)), Votes((0, 0.5), (1, 0.0625))),
    ]
    for transform in TRANSFORMS:
        case(f"both_{transform.lower()}", both, ROWS, double, labels, transform=transform)
        case(f"both_{transform.lower()}_base1", both, ROWS, double, labels, [0.0625], transform)
        why = "adds base_values[1] to the first class"
        case(
            f"both_{transform.lower()}_base2",
            both,
            ROWS,
            double,
            labels,
            [0.0625, 0.125],
            transform,
            why,
        )
    apart = stumps(SHARES, [0, 1])
    why = "decides row by row how many scores there are, where no leaf speaks for both classes"
    case("apart", apart, ROWS, double, labels, why=why)
    silent = [Node("LEQ", 0, 0.5, Votes((0, 0), (1, 0)), Votes((0, 0.25), (1, 0.5)))]
    why = "gives NaN where all scores are zero"
    case("silent", silent, ROWS, double, labels, transform="SOFTMAX_ZERO", why=why)


def shared_nodes(double):
    """As LightGBM's exporter writes categories: a test for equality each, all with the same node behind."""
    behind = Node("LT", 1, 0.5, vote(0.7), vote(0.1))
    trees = [
        Node("EQ", 0, 1, behind, Node("EQ", 0, 3, behind, Node("EQ", 0, 4, behind, vote(0.2))))
    ]
    rows = [[a, b] for a in (0, 1, 2, 3, 4, NAN) for b in (0, 1)]
    case("shared_nodes", trees, rows, double, ["NO", "YES"])


def one_class(double):
    for kind, weights in (("", MIXED), ("_positive", SHARES)):
        for transform in TRANSFORMS:
            untouched = transform not in ("NONE", "PROBIT")
            why = "leaves a single score as it is" if untouched else None
            for base in (None, [0.25]):
                name = f"one{kind}_{transform.lower()}" + ("_base1" if base else "")
                case(name, stumps(weights, [0]), ROWS, double, [7], base, transform, why)
    why = "crashes at a single label that is a text"
    case("one_text", stumps(MIXED, [0]), ROWS, double, ["YES"], why=why, unheard=True)


def corners(double):
    labels = [10, 20, 30]
    for transform in TRANSFORMS:
        trees = stumps(SHARES, [0, 1, 2])
        case(f"three_{transform.lower()}", trees, ROWS, double, labels, transform=transform)
        case(
            f"three_{transform.lower()}_base3",
            trees,
            ROWS,
            double,
            labels,
            [0.1, 0.2, 0.3],
            transform,
        )
    forest = [
        Node(
            "LEQ", 0, 0.5, Node("GTE", 1, 2, vote(0.7, 0), vote(-1.1, 1), missing=1), vote(0.3, 2)
        ),
        Node("GT", 1, 1, vote(10.1, 1), Node("EQ", 0, 0, vote(20.3, 2), vote(30.9, 0))),
        Votes((0, 1), (1, 2), (2, 4)),
    ]
    pairs = [[a, b] for a in (0, 0.5, 1, NAN) for b in (1, 2, 3, NAN)]
    case("gaps", forest, pairs, double, labels, layout="gaps")
    why = "takes each change of the tree id for another tree"
    case("interleaved", forest, pairs, double, labels, layout="interleaved", why=why)
    several = Node("LT", 0, 0.5, Votes((0, 1), (1, 2), (0, 4)), Votes((1, 8)))
    case("several_weights", [several, Votes((0, 16), (2, 32))], ROWS, double, labels)


def classifier_corners():
    for double in (False, True):
        modes(double)
        two_classes(double)
        shared_nodes(double)
        one_class(double)
        corners(double)
    near = [[np.nextafter(0.5, 1)], *ROWS]
    case("wide", stumps(SHARES, [0, 1, 2]), near, False, ["a", "b", "c"], wide=True)
