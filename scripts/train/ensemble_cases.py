"""Cases of the TreeEnsemble of ai.onnx.ml 5, for tree_cases.py."""

import random

import numpy as np
from cases import INF, NAN, ORT, SPECIFICATION, around, run, write
from ensemble import AGGREGATES, MODES, TRANSFORMS, TYPES, Ensemble, Leaf, Node
from transforms import distance, ulps


def ensemble_case(name, ensemble, inputs, why=None, **layout):
    """Writes a TreeEnsemble. `why` says in what onnxruntime is known to depart, if it does."""
    inputs = np.array(inputs, dtype=ensemble.dtype)
    model = ensemble.model(inputs.shape[1], **layout)
    outputs = ensemble.evaluate(inputs)
    near = 5e-5 if ensemble.transform == "PROBIT" else 1e-6
    double = ensemble.dtype == np.float64
    in_float = double and ensemble.transform != "NONE"
    allowed = ulps(ensemble.transform, double)
    try:
        other = run(model, inputs)[0]
        agrees = (
            np.allclose(other, outputs, 0, near)
            if in_float
            else distance(other, outputs) <= allowed
        )
    except Exception as error:
        other, agrees = error, False
    if agrees != (why is None):
        raise SystemExit(
            f"{name}: onnxruntime {'agrees' if agrees else 'departs'}:\n{outputs}\n{other}"
        )
    if why:
        source = f"{SPECIFICATION} ({ORT} {why})"
    elif in_float:
        source = f"{SPECIFICATION} ({ORT} agrees to {near:g}: it transforms in float)"
    else:
        outputs, source = other, ORT
    write(
        name,
        model,
        dict(inputs=inputs.tolist(), outputs=outputs.tolist(), ulps=allowed, source=source),
    )


def modes(dtype):
    """Each comparison at 0.1 with NaN to either side, and at zero with both zeros."""
    for mode in MODES[:-1]:
        trees = [
            Node(mode, 0, 0.1, Leaf(1, 0), Leaf(2, 0), missing=0),
            Node(mode, 0, 0.1, Leaf(4, 1), Leaf(8, 1), missing=1),
            Node(mode, 0, 0.0, Leaf(16, 2), Leaf(32, 2), missing=1),
        ]
        rows = around(0.1, TYPES[dtype][0])
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
            f"v5_{mode.lower()}_infinite_split_{dtype}",
            Ensemble(trees, dtype, 2),
            around(1, TYPES[dtype][0]),
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
