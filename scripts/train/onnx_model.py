"""H2O's trees as an ONNX model."""

import json
import math
import sys

import numpy as np
from h2o.tree import H2OTree
from onnx import TensorProto, helper, numpy_helper

from schema import CATEGORICAL, FEATURES

BRANCH_LT, BRANCH_MEMBER = 1, 6


def forest_attributes(model, domains):
    """H2O's trees as the attributes of an ai.onnx.ml 5 TreeEnsemble.

    True means left. Nodes are written depth first, true branch first: the specification
    reads the member lists in the order of the nodes, some implementations in the order of
    this walk, and so both are the same.
    """
    nodes = {
        key: []
        for key in ("featureids", "modes", "splits", "truenodeids", "trueleafs")
        + ("falsenodeids", "falseleafs", "missing_value_tracks_true")
    }
    members, weights, roots = [], [], []

    def add(tree, at):
        """Adds the node and all below it; returns its index, and whether it is a leaf."""
        left, right = tree.left_children[at], tree.right_children[at]
        if left == -1:
            # H2O keeps thresholds and leaves as floats and prints them as such.
            weights.append(float(np.float32(tree.predictions[at])))
            return len(weights) - 1, 1
        name = tree.features[at]
        index = len(nodes["modes"])
        nodes["featureids"].append(FEATURES.index(name))
        # Where H2O names no direction no training row was missing; H2O goes right there.
        nodes["missing_value_tracks_true"].append(int(tree.nas[at] == "LEFT"))
        if name in CATEGORICAL:
            # A category can be on neither side: H2O numbers the categories, keeps only the
            # range of numbers it met at the node, and treats the ones outside as missing.
            # No training row shows this, but other flights do.
            here, there = tree.left_cat_split[at] or [], tree.right_cat_split[at] or []
            astray = tree.nas[at] == "LEFT"
            values = [
                number
                for number, value in enumerate(domains[name])
                if value in here or (astray and value not in there)
            ]
            if not values:
                sys.exit(f"tree {tree.tree_number}: a split on {name} without values")
            nodes["modes"].append(BRANCH_MEMBER)
            nodes["splits"].append(0.0)
            members.extend([*map(float, values), math.nan])
        else:
            split = float(np.float32(tree.thresholds[at]))
            if math.isnan(split):
                sys.exit(f"tree {tree.tree_number}: a split on {name} without a threshold")
            nodes["modes"].append(BRANCH_LT)
            nodes["splits"].append(split)
        for key in ("truenodeids", "trueleafs", "falsenodeids", "falseleafs"):
            nodes[key].append(None)
        nodes["truenodeids"][index], nodes["trueleafs"][index] = add(tree, left)
        nodes["falsenodeids"][index], nodes["falseleafs"][index] = add(tree, right)
        return index, 0

    for number in range(model.actual_params["ntrees"]):
        root, is_leaf = add(H2OTree(model, number, None), 0)
        if is_leaf:
            sys.exit(f"tree {number} has no split")
        roots.append(root)

    attributes = {f"nodes_{key}": values for key, values in nodes.items()}
    attributes |= {
        "nodes_modes": tensor("nodes_modes", nodes["modes"], np.uint8),
        "nodes_splits": tensor("nodes_splits", nodes["splits"], np.float64),
        "membership_values": tensor("membership_values", members, np.float64),
        "leaf_weights": tensor("leaf_weights", weights, np.float64),
        "leaf_targetids": [0] * len(weights),
        "tree_roots": roots,
        "n_targets": 1,
        "aggregate_function": 1,
        "post_transform": 0,
    }
    return attributes


def tensor(name, values, dtype):
    return numpy_helper.from_array(np.array(values, dtype=dtype), name)


def graph(forest, init, card):
    """features [N, 11] → trees → + init → sigmoid → [1 - p, p] = probabilities [N, 2]."""
    nodes = [
        helper.make_node("TreeEnsemble", ["features"], ["trees"], domain="ai.onnx.ml", **forest),
        helper.make_node("Add", ["trees", "init_f"], ["margin"]),
        helper.make_node("Sigmoid", ["margin"], ["p_yes"]),
        helper.make_node("Sub", ["one", "p_yes"], ["p_no"]),
        helper.make_node("Concat", ["p_no", "p_yes"], ["probabilities"], axis=1),
    ]
    model = helper.make_model(
        helper.make_graph(
            nodes,
            "airline-gbm",
            [helper.make_tensor_value_info("features", TensorProto.DOUBLE, ["N", len(FEATURES)])],
            [helper.make_tensor_value_info("probabilities", TensorProto.DOUBLE, ["N", 2])],
            [tensor("init_f", [init], np.float64), tensor("one", [1.0], np.float64)],
        ),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", 5)],
        ir_version=10,
        producer_name="flight-delay-scorer",
    )
    text = json.dumps(card, separators=(",", ":"), allow_nan=False)
    helper.set_model_props(model, {"flight_delay_scorer": text})
    return model
