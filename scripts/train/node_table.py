"""Trees as TreeEnsembleClassifier and TreeEnsembleRegressor of ai.onnx.ml 1 to 3 hold them: written as attributes,
and evaluated by the specification.

A tree is made of `Node` and of `Votes`, the leaves.
"""

import numpy as np
from ensemble import Node, tensor


class Votes:
    """A leaf: what it adds to which target."""

    def __init__(self, *votes):
        self.votes = votes


def vote(weight, target=0):
    return Votes((target, weight))


def attributes(trees, prefix, double, missing=True, layout="plain"):
    """`prefix` is class or target; `layout` says how the nodes are numbered and ordered.

    gaps: ids of nodes and trees with gaps, not from 0, those of trees not ascending; far: the same with large ids of
    nodes; interleaved: the nodes of all trees alternate, the root of each first.
    """
    numbered = [number(tree, index, layout) for index, tree in enumerate(trees)]
    if layout == "interleaved":
        longest = max(map(len, numbered))
        rows = [tree[i] for i in range(longest) for tree in numbered if i < len(tree)]
    else:
        rows = [row for tree in numbered for row in tree]
    leaves = [
        (row, each) for row in rows if isinstance(row["node"], Votes) for each in row["node"].votes
    ]

    def column(of_node, of_leaf):
        return [of_leaf if isinstance(row["node"], Votes) else of_node(row) for row in rows]

    values = column(lambda row: float(row["node"].value), 0.0)
    weights = [float(weight) for _, (_, weight) in leaves]
    found = {
        "nodes_treeids": [row["tree"] for row in rows],
        "nodes_nodeids": [row["id"] for row in rows],
        "nodes_modes": column(lambda row: f"BRANCH_{row['node'].mode}", "LEAF"),
        "nodes_featureids": column(lambda row: row["node"].feature, 0),
        "nodes_truenodeids": column(lambda row: row["yes"], 0),
        "nodes_falsenodeids": column(lambda row: row["no"], 0),
        f"{prefix}_treeids": [row["tree"] for row, _ in leaves],
        f"{prefix}_nodeids": [row["id"] for row, _ in leaves],
        f"{prefix}_ids": [target for _, (target, _) in leaves],
    }
    if missing:
        found["nodes_missing_value_tracks_true"] = column(lambda row: row["node"].missing, 0)
    if double:
        found["nodes_values_as_tensor"] = tensor(values, np.float64)
        found[f"{prefix}_weights_as_tensor"] = tensor(weights, np.float64)
    else:
        found |= {"nodes_values": values, f"{prefix}_weights": weights}
    return found


def number(tree, index, layout):
    """The nodes of a tree, parents before children, with their ids."""
    first, step = {"gaps": (1, 2), "far": (1000, 3)}.get(layout, (0, 1))
    tree_id = 90 - 7 * index if layout in ("gaps", "far") else index
    rows, ids, waiting = [], {}, [(tree, None)]
    while waiting:
        node, tell = waiting.pop(0)
        is_new = id(node) not in ids
        found = ids.setdefault(id(node), first + step * len(rows))
        if tell:
            tell(found)
        if not is_new:
            continue
        row = {"node": node, "tree": tree_id, "id": found}
        rows.append(row)
        if isinstance(node, Node):
            waiting = [
                (node.yes, lambda found, row=row: row.update(yes=found)),
                (node.no, lambda found, row=row: row.update(no=found)),
            ] + waiting
    return rows


def base_values(values, double):
    if not values:
        return {}
    if double:
        return {"base_values_as_tensor": tensor(values, np.float64)}
    return {"base_values": values}


def evaluate(trees, rows, dtype, targets, aggregate="SUM", base=None):
    """The scores before their transform, in the type of the trees."""
    return np.array([scores(trees, row, dtype, targets, aggregate, base) for row in rows], dtype)


def scores(trees, row, dtype, targets, aggregate, base):
    found = [[] for _ in range(targets)]
    for tree in trees:
        while isinstance(tree, Node):
            tree = tree.yes if holds(tree, row[tree.feature], dtype) else tree.no
        for target, weight in tree.votes:
            found[target].append(dtype(weight))
    result = []
    for target, weights in enumerate(found):
        if aggregate in ("MIN", "MAX"):
            # What no leaf at all means is not specified; onnxruntime takes it for zero.
            score = (min if aggregate == "MIN" else max)(weights, default=dtype(0))
        else:
            score = dtype(0)
            for weight in weights:
                score += weight
            if aggregate == "AVERAGE":
                score /= dtype(len(trees))
        result.append(score + dtype(base[target]) if base else score)
    return result


def holds(node, x, dtype):
    if np.isnan(x):
        return node.missing == 1
    split = dtype(node.value)
    return {
        "LEQ": x <= split,
        "LT": x < split,
        "GTE": x >= split,
        "GT": x > split,
        "EQ": x == split,
        "NEQ": x != split,
    }[node.mode]


def rounded(trees, dtype):
    """The trees with their numbers as a file of this type holds them."""

    def of(tree):
        if isinstance(tree, Votes):
            return Votes(*((target, float(dtype(weight))) for target, weight in tree.votes))
        return Node(
            tree.mode,
            tree.feature,
            float(dtype(tree.value)),
            of(tree.yes),
            of(tree.no),
            tree.missing,
        )

    return [of(tree) for tree in trees]
