"""Cases of the TreeEnsembleClassifier of ai.onnx.ml 1 to 3, for tree_cases.py."""

import numpy as np
from cases import NAN, ORT, SPECIFICATION, run, write
from ensemble import TYPES, finish, tensor, value_info
from onnx import TensorProto, helper
from transforms import distance, transformed, ulps


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
        sums = [class_sums(shape, leaves, votes, row, base, dtype) for row in inputs]
        expected = np.array([transformed(row, transform) for row in sums])
        if distance(scores, expected) > ulps(transform):
            scores = expected
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
            "ulps": ulps(transform),
            "source": source,
        },
    )


def class_sums(shape, leaves, votes, row, base, dtype):
    """The votes of both trees for one row, by the specification, and the base values."""
    nodes = {node[:2]: node for node in shape}
    sums = [dtype(0), dtype(0)]
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
            sums[number] += dtype(weight)
    return [total + dtype(value) for total, value in zip(sums, base)]


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
