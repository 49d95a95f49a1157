"""Small hand-made tree models with their expected outputs, in tests/fixtures/trees/.

    python tree_cases.py

Each NAME.onnx maps `features` [N, k] to `probabilities` [N, targets]. NAME.json has

    inputs, outputs   rows of numbers; "NaN", "Infinity" and "-Infinity" as text
    labels            of classifiers: the label of each row
    tolerance         how far an output may be off, absolute; 0 means to the last bit
    source            who says so

TreeEnsemble has a specification that can be followed to the letter, so a plain evaluation
written from it decides, and onnxruntime is asked as well: where the two agree, `source`
names onnxruntime, and where they do not, it says in what onnxruntime departs. A
TreeEnsembleClassifier of two classes lives by conventions the specification leaves out, so
there onnxruntime decides, but for two base values and for the labels, which are specified.
"""

import json
import math
import random
from pathlib import Path

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from ensemble import (
    AGGREGATES,
    MODES,
    TRANSFORMS,
    TYPES,
    Ensemble,
    Leaf,
    Node,
    finish,
    tensor,
    value_info,
)

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "trees"
ORT = f"onnxruntime {onnxruntime.__version__}"
SPECIFICATION = "ONNX specification"
NAN, INF = math.nan, math.inf


def run(model, rows):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {"features": rows})


def as_json(value):
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, float) and math.isnan(value):
        return "NaN"
    if isinstance(value, float) and math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return value


def write(name, model, case):
    (FOLDER / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    lines = [
        json.dumps(key) + ":" + json.dumps(as_json(value), separators=(",", ":"))
        for key, value in case.items()
    ]
    text = ",\n ".join(lines)
    (FOLDER / f"{name}.json").write_text("{" + text + "}\n")
    print(f"{name}: {case['source']}")


def ensemble_case(name, ensemble, inputs, why=None, **layout):
    """Writes a TreeEnsemble. `why` says in what onnxruntime is known to depart, if it does."""
    inputs = np.array(inputs, dtype=ensemble.dtype)
    model = ensemble.model(inputs.shape[1], **layout)
    with np.errstate(all="ignore"):
        outputs = ensemble.evaluate(inputs)
    exact = ensemble.transform == "NONE"
    near = 5e-5 if ensemble.transform == "PROBIT" else 1e-6
    if exact:
        tolerance = 0.0
    elif ensemble.dtype == np.float32:
        tolerance = near
    else:
        # The usual factor of PROBIT is the square root of two in nine digits.
        tolerance = 1e-8 if ensemble.transform == "PROBIT" else 1e-12
    try:
        other = run(model, inputs)[0]
        agrees = np.array_equal(other, outputs) if exact else np.allclose(other, outputs, 0, near)
    except Exception as error:
        other, agrees = error, False
    if agrees != (why is None):
        raise SystemExit(
            f"{name}: onnxruntime {'agrees' if agrees else 'departs'}:\n{outputs}\n{other}"
        )
    if why:
        source = f"{SPECIFICATION} ({ORT} {why})"
    elif not exact and ensemble.dtype == np.float64:
        source = f"{SPECIFICATION} ({ORT} agrees to {near:g}: it transforms in float)"
    else:
        source = ORT
    write(
        name,
        model,
        dict(inputs=inputs.tolist(), outputs=outputs.tolist(), tolerance=tolerance, source=source),
    )


def around(value, dtype):
    """A value, its neighbours, both zeros, far values, infinities and NaN, as rows."""
    value = TYPES[dtype][0](value)
    near = [
        np.nextafter(value, -INF, dtype=value.dtype),
        value,
        np.nextafter(value, INF, dtype=value.dtype),
    ]
    return [[x] for x in [*near, 0.0, -0.0, 1e30, -1e30, INF, -INF, NAN]]


def modes(dtype):
    """Each comparison at 0.1 with NaN to either side, and at zero with both zeros."""
    for mode in MODES[:-1]:
        trees = [
            Node(mode, 0, 0.1, Leaf(1, 0), Leaf(2, 0), missing=0),
            Node(mode, 0, 0.1, Leaf(4, 1), Leaf(8, 1), missing=1),
            Node(mode, 0, 0.0, Leaf(16, 2), Leaf(32, 2), missing=1),
        ]
        rows = around(0.1, dtype)
        if mode == "NEQ":
            ensemble_case(
                f"v5_neq_missing_{dtype}",
                Ensemble(trees, dtype, targets=3),
                rows[-1:],
                "takes NaN != x for true although nodes_missing_value_tracks_true is 0",
            )
            rows = rows[:-1]
        ensemble_case(f"v5_{mode.lower()}_{dtype}", Ensemble(trees, dtype, targets=3), rows)
    for mode in ("LT", "GTE"):
        trees = [
            Node(mode, 0, INF, Leaf(1, 0), Leaf(2, 0)),
            Node(mode, 0, -INF, Leaf(4, 1), Leaf(8, 1)),
        ]
        ensemble_case(
            f"v5_{mode.lower()}_infinite_split_{dtype}", Ensemble(trees, dtype, 2), around(1, dtype)
        )


def members(dtype, sets):
    rows = [[x] for x in [*range(-2, 9), 62, 63, 64, 65, 66, 99, 100, 146, 147, 149]]
    rows += [[x] for x in [-0.0, INF, -INF, NAN]]
    trees = [
        Node("MEMBER", 0, values, Leaf(1, i), Leaf(2, i), missing=i % 2)
        for i, values in enumerate(sets)
    ]
    return Ensemble(trees, dtype, targets=len(sets)), rows


def member_tree(dtype):
    """Members above members, with a plain comparison between."""
    low = Node("MEMBER", 1, [2, 4], Leaf(1), Leaf(2), missing=1)
    high = Node("MEMBER", 1, [6], Node("MEMBER", 0, [1], Leaf(4), Leaf(8)), Leaf(16))
    root = Node("MEMBER", 0, [1, 2, 3], Node("GTE", 1, 5, high, low, missing=0), Leaf(32))
    other = Node("MEMBER", 1, [6, 2], Leaf(64), Leaf(128), missing=1)
    rows = [[a, b] for a in (1, 2, 4, NAN) for b in (1, 2, 4, 5, 6, 7, NAN)]
    return Ensemble([root, other], dtype), rows


def wide(dtype, targets, aggregate="SUM", transform="NONE"):
    """Four trees a target, so that every target gets leaves from every row."""
    draw = random.Random(5)
    trees = []
    for _ in range(4):
        for target in range(targets):
            # Sums of these stay within (0, 1), where PROBIT is defined, and are exact.
            a, b, c = (Leaf(draw.randrange(1, 60) / 256, target) for _ in range(3))
            trees.append(Node("LEQ", 0, 0.5, a, Node("GT", 1, -1, b, c, missing=1)))
    rows = [[a, b] for a in (0, 0.5, 1, NAN) for b in (-2, -1, 0, NAN)]
    return Ensemble(trees, dtype, targets, aggregate, transform), rows


def lopsided(dtype, depth=60):
    at = Leaf(depth)
    for level in reversed(range(depth)):
        at = Node("LT", 0, level + 0.5, Leaf(level), at)
    return Ensemble([at], dtype), [[x] for x in [-1, 0, 0.5, 1, 17.25, 58.5, 59.4, 59.5, 60, NAN]]


def grown(dtype, trees=20, depth=4, features=5, targets=2):
    """Random trees of every mode, with leaves whose sums do round."""
    draw = random.Random(11)

    def grow(level, target):
        if level == 0 or draw.random() < 0.15:
            return Leaf(draw.uniform(-1, 1), target)
        mode = draw.choice(MODES)
        value = sorted(draw.sample(range(6), 3)) if mode == "MEMBER" else draw.randrange(0, 6)
        # NaN at NEQ is a case of its own.
        missing = 1 if mode == "NEQ" else draw.randrange(2)
        branches = grow(level - 1, target), grow(level - 1, target)
        return Node(mode, draw.randrange(features), value, *branches, missing)

    forest = [grow(depth, number % targets) for number in range(trees)]
    rows = [
        [draw.choice([NAN, -0.0, 2.5, *map(float, range(6))]) for _ in range(features)]
        for _ in range(40)
    ]
    return Ensemble(forest, dtype, targets), rows


def tree_ensembles():
    swapped = "takes post_transform 1 for LOGISTIC and 2 for SOFTMAX"
    alone = "leaves a single target as it is"
    for dtype in TYPES:
        modes(dtype)
        sets = [[1, 3, 5], [0, 2], [-1, 2, 100], [7], [0], [63, 64, 65], list(range(2, 150, 3))]
        ensemble_case(f"v5_member_{dtype}", *members(dtype, sets))
        fractions = [[x] for x in [0.5, 1, 1.5, 1.75, 2, 2.5, -1, -1.5, 99.5, 100]]
        ensemble_case(
            f"v5_member_fraction_tested_{dtype}",
            Ensemble(members(dtype, sets)[0].trees, dtype, len(sets)),
            fractions,
            "drops the fraction of what it tests, in some sets",
        )
        ensemble_case(
            f"v5_member_fraction_{dtype}",
            Ensemble(members(dtype, [[0.5, 1], [-1.5, 2.5]])[0].trees, dtype, 2),
            fractions,
            "refuses fractions as members",
        )
        ensemble_case(f"v5_member_tree_{dtype}", *member_tree(dtype))
        ensemble_case(f"v5_many_trees_{dtype}", *grown(dtype))
        ensemble_case(f"v5_lopsided_{dtype}", *lopsided(dtype))
        for aggregate in AGGREGATES:
            for targets in (1, 3):
                name = f"v5_{aggregate.lower()}_{targets}_{dtype}"
                ensemble_case(name, *wide(dtype, targets, aggregate))
        for transform in TRANSFORMS[1:]:
            why = swapped if transform in ("SOFTMAX", "LOGISTIC") else None
            name = f"v5_{transform.lower()}"
            ensemble_case(f"{name}_3_{dtype}", *wide(dtype, 3, transform=transform), why)
            why = alone if transform != "PROBIT" else None
            ensemble_case(f"{name}_1_{dtype}", *wide(dtype, 1, transform=transform), why)
        # SOFTMAX_ZERO with scores that are zero, negative and large.
        trees = [
            Node("LT", 0, 0, Leaf(0, 0), Leaf(-3, 0)),
            Node("LT", 1, 0, Leaf(0, 1), Leaf(40, 1)),
            Leaf(1.5, 2),
        ]
        rows = [[-1, -1], [-1, 1], [1, -1], [1, 1]]
        for transform in ("SOFTMAX", "SOFTMAX_ZERO", "LOGISTIC"):
            why = None if transform == "SOFTMAX_ZERO" else swapped
            ensemble = Ensemble(trees, dtype, 3, transform=transform)
            ensemble_case(f"v5_{transform.lower()}_with_zeros_{dtype}", ensemble, rows, why)
        ensemble_case(
            f"v5_one_leaf_{dtype}", Ensemble([Leaf(0.25), Leaf(2.5)], dtype), [[0], [1], [NAN]]
        )
        mixed = [Leaf(0.25), Node("GT", 0, 1, Leaf(1), Leaf(2), missing=1), Leaf(8)]
        ensemble_case(
            f"v5_leaf_among_trees_{dtype}", Ensemble(mixed, dtype), [[0], [1], [2], [NAN]]
        )
        shared = Leaf(4)
        diamond = [Node("LT", 0, 0, shared, Node("LT", 0, 1, Leaf(1), shared))]
        ensemble_case(f"v5_shared_leaf_{dtype}", Ensemble(diamond, dtype), [[-1], [0], [1], [NAN]])
        plain = [Node("LT", 0, 1, Leaf(1), Leaf(2)), Node("MEMBER", 0, [1, 2], Leaf(4), Leaf(8))]
        ensemble_case(
            f"v5_no_missing_tracks_{dtype}",
            Ensemble(plain, dtype),
            [[0], [1], [2], [NAN]],
            missing=False,
        )
        # The member lists follow the order of the nodes, not of a walk through the tree.
        ensemble_case(f"v5_member_breadth_first_{dtype}", *member_tree(dtype), breadth_first=True)


def classifier(version, kind, votes, transform, labels, base=None, double=False, missing=True):
    """A TreeEnsembleClassifier; `votes` gives the (class, weight) pairs of each leaf."""
    # Two trees: x0 <= 0.5, then x1 < 2 on its true side; and x1 >= 2.
    shape = [
        # tree, node, mode, feature, value, true, false, missing
        (0, 0, "BRANCH_LEQ", 0, 0.5, 1, 2, 0),
        (0, 1, "BRANCH_LT", 1, 2.0, 3, 4, 1),
        (0, 2, "LEAF", 0, 0.0, 0, 0, 0),
        (0, 3, "LEAF", 0, 0.0, 0, 0, 0),
        (0, 4, "LEAF", 0, 0.0, 0, 0, 0),
        (1, 0, "BRANCH_GTE", 1, 2.0, 1, 2, 1),
        (1, 1, "LEAF", 0, 0.0, 0, 0, 0),
        (1, 2, "LEAF", 0, 0.0, 0, 0, 0),
    ]
    leaves = [(0, 2), (0, 3), (0, 4), (1, 1), (1, 2)]
    flat = [(leaf, vote) for leaf, leaf_votes in zip(leaves, votes) for vote in leaf_votes]
    values, weights = [float(node[4]) for node in shape], [float(w) for _, (_, w) in flat]
    attributes = {
        "nodes_treeids": [node[0] for node in shape],
        "nodes_nodeids": [node[1] for node in shape],
        "nodes_modes": [node[2] for node in shape],
        "nodes_featureids": [node[3] for node in shape],
        "nodes_truenodeids": [node[5] for node in shape],
        "nodes_falsenodeids": [node[6] for node in shape],
        "class_treeids": [leaf[0] for leaf, _ in flat],
        "class_nodeids": [leaf[1] for leaf, _ in flat],
        "class_ids": [vote[0] for _, vote in flat],
        "post_transform": transform,
    }
    if missing:
        attributes["nodes_missing_value_tracks_true"] = [node[7] for node in shape]
    if double:
        attributes["nodes_values_as_tensor"] = tensor(values, np.float64)
        attributes["class_weights_as_tensor"] = tensor(weights, np.float64)
    else:
        attributes |= {"nodes_values": values, "class_weights": weights}
    if base and double:
        attributes["base_values_as_tensor"] = tensor(base, np.float64)
    elif base:
        attributes["base_values"] = base
    strings = isinstance(labels[0], str)
    attributes["classlabels_strings" if strings else "classlabels_int64s"] = labels
    node = helper.make_node(
        "TreeEnsembleClassifier",
        ["features"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        **attributes,
    )
    label_type = TensorProto.STRING if strings else TensorProto.INT64
    outputs = [
        helper.make_tensor_value_info("label", label_type, ["N"]),
        # Scores are float, whatever the input is.
        value_info("probabilities", TensorProto.FLOAT, len(labels)),
    ]
    dtype, onnx_type = TYPES["double" if double else "float"]
    model = finish(node, value_info("features", onnx_type, 2), outputs, version)
    inputs = np.array([[a, b] for a in (0, 0.5, 1, NAN) for b in (1, 2, 3, NAN)], dtype=dtype)
    name = f"v{version}_{kind}_{transform.lower()}" + ("_double" if double else "")
    if base:
        name += f"_base{len(base)}"
    try:
        ort_labels, scores = run(model, inputs)
    except Exception as error:
        raise SystemExit(f"{name}: {error}") from error
    source = ORT
    if base and len(base) == len(labels) == 2:
        sums = np.array([class_sums(shape, leaves, votes, row, base) for row in inputs])
        if transform == "LOGISTIC":
            sums = 1 / (1 + np.exp(-sums))
        elif transform == "SOFTMAX":
            sums = np.exp(sums) / np.exp(sums).sum(axis=1, keepdims=True)
        departs = not np.allclose(scores, sums, 0, 1e-6)
        scores = sums.astype(np.float32)
        if departs:
            source = f"{SPECIFICATION} ({ORT} adds base_values[1] to the first class)"
    # The specification's label is the top class. onnxruntime compares the second score, before
    # its transform, with 0 or with 0.5, which is not always the same.
    top = [labels[number] for number in scores.argmax(axis=1)]
    if top != ort_labels.tolist():
        source += f"; labels: {SPECIFICATION} (not always those of {ORT})"
    write(
        name,
        model,
        {
            "inputs": inputs.tolist(),
            "outputs": scores.tolist(),
            "labels": top,
            "tolerance": 0.0 if transform == "NONE" else 1e-6,
            "source": source,
        },
    )


def class_sums(shape, leaves, votes, row, base):
    """The votes of both trees for one row, by the specification, on top of the base values."""
    nodes = {node[:2]: node for node in shape}
    sums = list(base)
    for tree in (0, 1):
        at = nodes[tree, 0]
        while at[2] != "LEAF":
            x, split = row[at[3]], at[4]
            if np.isnan(x):
                yes = at[7] == 1
            else:
                yes = {"BRANCH_LEQ": x <= split, "BRANCH_LT": x < split, "BRANCH_GTE": x >= split}[
                    at[2]
                ]
            at = nodes[tree, at[5] if yes else at[6]]
        for number, weight in votes[leaves.index(at[:2])]:
            sums[number] += weight
    return sums


def classifiers():
    # Sums of two trees on both sides of 0 and of 0.5.
    mixed = [0.75, -1.25, 0.5, 0.125, -0.625]
    shares = [0.375, 0.0625, 0.4375, 0.25, 0.125]
    texts, numbers = ["NO", "YES"], [0, 1]
    for version, double in ((1, False), (3, True)):
        if double:
            # Not representable in float, so that summing in float shows.
            mixed = [0.7 * weight for weight in mixed]
        for transform in ("NONE", "LOGISTIC"):
            for only in (0, 1):
                # Where all votes are for one class, onnxruntime takes them for the second class
                # if they name the first, and leaves the other one at zero if they do not.
                votes = [[(only, w)] for w in mixed]
                classifier(version, f"all_{only}", votes, transform, numbers, None, double)
                # Whether every weight is positive changes what it makes of NONE.
                votes = [[(only, w)] for w in shares]
                classifier(version, f"all_{only}_positive", votes, transform, texts, None, double)
            # One base value for two classes is beyond the specification, but common.
            votes = [[(0, w)] for w in mixed]
            classifier(version, "all_0", votes, transform, texts, [0.25], double)
        for transform in ("NONE", "LOGISTIC", "SOFTMAX"):
            votes = [[(0, 0.5 - w), (1, w)] for w in shares]
            for base in (None, [0.125, 0.25]):
                labels = numbers if base else texts
                classifier(version, "both", votes, transform, labels, base, double)
        votes = [[(i % 3, w), ((i + 1) % 3, -w / 2)] for i, w in enumerate(mixed)]
        for transform in ("NONE", "SOFTMAX"):
            classifier(version, "three", votes, transform, ["a", "b", "c"], None, double)
        classifier(version, "three", votes, "SOFTMAX", [10, 20, 30], [0.5, 0.25, -0.5], double)
    mixed = [0.75, -1.25, 0.5, 0.125, -0.625]
    votes = [[(0, w)] for w in mixed]
    classifier(1, "no_missing_tracks", votes, "LOGISTIC", texts, missing=False)
    classifier(3, "all_0", votes, "LOGISTIC", numbers, [0.25])
    # Labels that are not 0 and 1, and not in order.
    classifier(3, "labels_7_3", votes, "LOGISTIC", [7, 3])


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.json")]:
        old.unlink()
    tree_ensembles()
    classifiers()
