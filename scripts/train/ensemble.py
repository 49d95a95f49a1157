"""The TreeEnsemble of ai.onnx.ml 5: written as ONNX, and evaluated by the specification."""

import math

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from transforms import transformed

MODES = ["LEQ", "LT", "GTE", "GT", "EQ", "NEQ", "MEMBER"]
AGGREGATES = ["AVERAGE", "SUM", "MIN", "MAX"]
TRANSFORMS = ["NONE", "SOFTMAX", "LOGISTIC", "SOFTMAX_ZERO", "PROBIT"]
TYPES = {"float": (np.float32, TensorProto.FLOAT), "double": (np.float64, TensorProto.DOUBLE)}


class Node:
    """A test: `mode` of a feature against `value` (a list of members for MEMBER)."""

    def __init__(self, mode, feature, value, yes, no, missing=0):
        self.mode, self.feature, self.value = mode, feature, value
        self.yes, self.no, self.missing = yes, no, missing


class Leaf:
    def __init__(self, weight, target=0):
        self.weight, self.target = weight, target


class Ensemble:
    """A TreeEnsemble of ai.onnx.ml 5."""

    def __init__(self, trees, dtype, targets=1, aggregate="SUM", transform="NONE"):
        self.trees, self.targets = trees, targets
        self.aggregate, self.transform = aggregate, transform
        self.dtype, self.onnx_type = TYPES[dtype]

    def model(self, features, missing=True, breadth_first=False):
        """`missing=False` leaves nodes_missing_value_tracks_true out."""
        nodes, leaves, roots, index = [], [], [], {}
        for tree in self.trees:
            # A tree that is one leaf is a test whose branches are that leaf.
            root = Node("LEQ", 0, 0.0, tree, tree) if isinstance(tree, Leaf) else tree
            roots.append(len(nodes))
            waiting = [root]
            while waiting:
                at = waiting.pop(0)
                if id(at) in index:
                    continue
                if isinstance(at, Leaf):
                    index[id(at)] = len(leaves)
                    leaves.append(at)
                else:
                    index[id(at)] = len(nodes)
                    nodes.append(at)
                    below = [at.yes, at.no]
                    waiting = waiting + below if breadth_first else below + waiting
        members = [m for n in nodes if n.mode == "MEMBER" for m in [*n.value, math.nan]]
        attributes = {
            "tree_roots": roots,
            "n_targets": self.targets,
            "aggregate_function": AGGREGATES.index(self.aggregate),
            "post_transform": TRANSFORMS.index(self.transform),
            "nodes_modes": tensor([MODES.index(n.mode) for n in nodes], np.uint8),
            "nodes_splits": tensor(
                [0.0 if n.mode == "MEMBER" else n.value for n in nodes], self.dtype
            ),
            "nodes_featureids": [n.feature for n in nodes],
            "nodes_truenodeids": [index[id(n.yes)] for n in nodes],
            "nodes_trueleafs": [int(isinstance(n.yes, Leaf)) for n in nodes],
            "nodes_falsenodeids": [index[id(n.no)] for n in nodes],
            "nodes_falseleafs": [int(isinstance(n.no, Leaf)) for n in nodes],
            "leaf_targetids": [leaf.target for leaf in leaves],
            "leaf_weights": tensor([leaf.weight for leaf in leaves], self.dtype),
        }
        if missing:
            attributes["nodes_missing_value_tracks_true"] = [n.missing for n in nodes]
        if members:
            attributes["membership_values"] = tensor(members, self.dtype)
        node = helper.make_node(
            "TreeEnsemble", ["features"], ["probabilities"], domain="ai.onnx.ml", **attributes
        )
        outputs = [value_info("probabilities", self.onnx_type, self.targets)]
        return finish(node, value_info("features", self.onnx_type, features), outputs, 5)

    def evaluate(self, rows):
        """The specification, one row at a time, in the type of the model."""
        scores = [transformed(self.row(row), self.transform, self.dtype) for row in rows]
        return np.array(scores, self.dtype)

    def row(self, row):
        found = [[] for _ in range(self.targets)]
        for tree in self.trees:
            while isinstance(tree, Node):
                tree = tree.yes if self.test(tree, row[tree.feature]) else tree.no
            found[tree.target].append(self.dtype(tree.weight))
        scores = []
        for weights in found:
            if self.aggregate in ("MIN", "MAX"):
                assert weights, "the specification does not say what no leaf at all means"
                scores.append((min if self.aggregate == "MIN" else max)(weights))
                continue
            total = self.dtype(0)
            for weight in weights:
                total += weight
            scores.append(
                total / self.dtype(len(self.trees)) if self.aggregate == "AVERAGE" else total
            )
        return scores

    def test(self, node, x):
        if np.isnan(x):
            return node.missing == 1
        if node.mode == "MEMBER":
            return any(x == self.dtype(member) for member in node.value)
        split = self.dtype(node.value)
        return {
            "LEQ": x <= split,
            "LT": x < split,
            "GTE": x >= split,
            "GT": x > split,
            "EQ": x == split,
            "NEQ": x != split,
        }[node.mode]


def tensor(values, dtype):
    return numpy_helper.from_array(np.array(values, dtype=dtype))


def value_info(name, onnx_type, width):
    return helper.make_tensor_value_info(name, onnx_type, ["N", width])


def finish(node, features, outputs, version):
    return finish_all([node], [features], outputs, version)


def finish_all(nodes, inputs, outputs, version, initial=()):
    model = helper.make_model(
        helper.make_graph(nodes, "trees", inputs, outputs, initial),
        opset_imports=[helper.make_opsetid("", 18), helper.make_opsetid("ai.onnx.ml", version)],
        ir_version=10,
    )
    onnx.checker.check_model(model)
    return model
