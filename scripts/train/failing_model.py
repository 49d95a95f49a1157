"""A model that proves itself and fails later, in tests/fixtures/challenger/fails-on-sunday.{onnx,json}.

    python failing_model.py

It looks DayOfWeek up in a table that has no row for Sunday.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "challenger"
ROW = "1987,10,14,{day},741,730,912,849,PS,1451,NA,91,79,NA,23,11,SAN,SFO,447,NA,NA,0,NA,0,NA,NA,NA,NA,NA,YES,YES"


def main():
    yes = np.arange(7, dtype=np.float32) / 8
    table = numpy_helper.from_array(np.stack([1 - yes, yes], axis=1), "table")
    shape = numpy_helper.from_array(np.array([-1, 2], dtype=np.int64), "shape")
    nodes = [
        helper.make_node("Cast", ["features"], ["day"], to=TensorProto.INT64),
        helper.make_node("Gather", ["table", "day"], ["looked_up"], axis=0),
        helper.make_node("Reshape", ["looked_up", "shape"], ["probabilities"]),
    ]
    features = helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 1])
    probabilities = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])
    graph = helper.make_graph(nodes, "by_day", [features], [probabilities], [table, shape])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)

    days = [1, 2, 3, 4, 5, 6, 1, 2]
    session = onnxruntime.InferenceSession(model.SerializeToString())
    scores = session.run(None, {"features": np.array([[day] for day in days], np.float32)})[0]
    rows = [
        {"row": ROW.format(day=day), "probabilities": [float(p) for p in pair]}
        for day, pair in zip(days, scores)
    ]
    card = {
        "name": "fails-on-sunday",
        "version": "1",
        "features": [{"name": "DayOfWeek", "column": "DayOfWeek", "type": "numeric"}],
        "labels": ["NO", "YES"],
        "positive": "YES",
        "threshold": 0.5,
        "golden": {"tolerance": 0, "rows": rows},
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "fails-on-sunday.onnx").write_bytes(model.SerializeToString(deterministic=True))
    (FOLDER / "fails-on-sunday.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
