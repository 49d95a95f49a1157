"""Writes the trees of models/airline-gbm.onnx as Java: what H2O would give as a POJO.

    forest.py FILE

A tree is a method of nested ifs over primitive numbers. A feature that is always missing takes its branch here, once,
and not again for each row. A category is its position among the values from 1; 0 is a value that is missing or unknown.
"""

import hashlib
import json
import math
import sys
from pathlib import Path

import onnx
from onnx import helper, numpy_helper

MODEL = Path(__file__).resolve().parents[3] / "models" / "airline-gbm.onnx"
LESS, MEMBER = 1, 6
# What the rest of the graph must be for the Java to be the same.
GRAPH = ["TreeEnsemble", "Add", "Sigmoid", "Sub", "Concat"]


class Trees:
    def __init__(self, node, features):
        values = {one.name: helper.get_attribute_value(one) for one in node.attribute}
        tensor = numpy_helper.to_array
        self.features = features
        self.roots = values["tree_roots"]
        self.feature = values["nodes_featureids"]
        self.mode = tensor(values["nodes_modes"]).tolist()
        self.split = tensor(values["nodes_splits"]).tolist()
        self.missing_is_true = values["nodes_missing_value_tracks_true"]
        self.true = list(zip(values["nodes_trueleafs"], values["nodes_truenodeids"]))
        self.false = list(zip(values["nodes_falseleafs"], values["nodes_falsenodeids"]))
        self.leaf = tensor(values["leaf_weights"]).tolist()
        self.members = self.members_by_node(tensor(values["membership_values"]).tolist())
        self.sets = []

    def members_by_node(self, values):
        """The lists of members stand in the order of the nodes that have one, each with NaN behind it."""
        lists, current = [], []
        for value in values:
            if math.isnan(value):
                lists.append(current)
                current = []
            else:
                current.append(int(value))
        nodes = [node for node, mode in enumerate(self.mode) if mode == MEMBER]
        if len(nodes) != len(lists) or current:
            sys.exit(f"{len(nodes)} nodes have {len(lists)} lists of members")
        return dict(zip(nodes, lists))

    def java(self, node, indent):
        """The statements that return what the node leads to."""
        feature = self.features[self.feature[node]]
        if feature.get("always_missing"):
            return self.branch(self.true if self.missing_is_true[node] else self.false, node, indent)
        return [
            f"{indent}if ({self.condition(node, feature)}) {{",
            *self.branch(self.true, node, indent + "    "),
            f"{indent}}} else {{",
            *self.branch(self.false, node, indent + "    "),
            f"{indent}}}",
        ]

    def branch(self, branches, node, indent):
        is_leaf, at = branches[node]
        return [f"{indent}return {self.leaf[at]!r};"] if is_leaf else self.java(at, indent)

    def condition(self, node, feature):
        name, mode = feature["name"], self.mode[node]
        if mode == MEMBER and feature["type"] == "categorical":
            codes = {member + 1 for member in self.members[node]}
            codes |= {0} if self.missing_is_true[node] else set()
            self.sets.append("".join("01"[code in codes] for code in range(len(feature["values"]) + 1)))
            return f"SET_{len(self.sets) - 1}[{name}]"
        if mode == LESS and feature["type"] == "numeric":
            # No comparison with NaN holds.
            split = repr(self.split[node])
            return f"!({name} >= {split})" if self.missing_is_true[node] else f"{name} < {split}"
        sys.exit(f"node {node}: a split of mode {mode} on {feature['type']} {name} is not known here")


def main(output):
    file = MODEL.read_bytes()
    graph = onnx.load_from_string(file)
    card = json.loads({prop.key: prop.value for prop in graph.metadata_props}["flight_delay_scorer"])
    if [node.op_type for node in graph.graph.node] != GRAPH or card["positive"] != card["labels"][1]:
        sys.exit(f"{MODEL.name} is more than trees, a sum and the logistic function")
    trees = Trees(graph.graph.node[0], card["features"])
    start = {one.name: numpy_helper.to_array(one).tolist() for one in graph.graph.initializer}["init_f"]
    live = [feature for feature in card["features"] if not feature.get("always_missing")]
    parameters = ", ".join(("double " if one["type"] == "numeric" else "int ") + one["name"] for one in live)
    arguments = ", ".join(one["name"] for one in live)

    methods = []
    for number, root in enumerate(trees.roots):
        body = trees.java(root, "        ")
        methods += [f"    private static double tree{number}({parameters}) {{", *body, "    }", ""]
    margin = [f"        double sum = tree0({arguments});"]
    margin += [f"        sum += tree{number}({arguments});" for number in range(1, len(trees.roots))]
    margin.append(f"        return sum + {start[0]!r};")

    # Java writes smaller doubles in another form than JSON's writers do.
    bound = abs(start[0]) + len(trees.roots) * max(map(abs, trees.leaf))
    if 1 / (1 + math.exp(bound)) < 0.001:
        sys.exit(f"a probability may be below 0.001: the margin may be {bound}")

    categories = [one for one in live if one["type"] == "categorical"]
    java = [
        "// Generated from models/airline-gbm.onnx by benches/compare/java/forest.py.",
        "package contenders;",
        "",
        "final class Forest {",
        f"    static final String MODEL = {json.dumps(card['name'])};",
        f"    static final String SHA256 = \"{hashlib.sha256(file).hexdigest()[:12]}\";",
        f"    static final String NEGATIVE = {json.dumps(card['labels'][0])};",
        f"    static final String POSITIVE = {json.dumps(card['labels'][1])};",
        f"    static final double THRESHOLD = {card['threshold']!r};",
        "",
        "    private Forest() {}",
        "",
    ]
    for one in categories:
        java.append(f"    static final String[] {one['name']}Values = {{{json.dumps(one['values'])[1:-1]}}};")
    java += ["", "    /** The sum of the trees; NaN is a number that is missing. */"]
    java += [f"    static double margin({parameters}) {{", *margin, "    }", "", *methods]
    java += [f"    private static final boolean[] SET_{n} = set(\"{bits}\");" for n, bits in enumerate(trees.sets)]
    java += [
        "",
        "    private static boolean[] set(String bits) {",
        "        boolean[] set = new boolean[bits.length()];",
        "        for (int i = 0; i < set.length; i++) {",
        "            set[i] = bits.charAt(i) == '1';",
        "        }",
        "        return set;",
        "    }",
        "}",
        "",
    ]
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(java))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
