"""How tree_cases.py runs a case with onnxruntime and writes it down."""

import json
import math
from pathlib import Path

import numpy as np
import onnxruntime

FIXTURES = Path(__file__).resolve().parents[2] / "tests" / "fixtures"
ORT = f"onnxruntime {onnxruntime.__version__}"
SPECIFICATION = "ONNX specification"
NAN, INF = math.nan, math.inf


def run(model, rows):
    """The outputs of a model whose one input is called `features`."""
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


def write(name, model, case, kind="trees"):
    folder = FIXTURES / kind
    (folder / f"{name}.onnx").write_bytes(model.SerializeToString(deterministic=True))
    lines = [
        json.dumps(key) + ":" + json.dumps(as_json(value), separators=(",", ":"))
        for key, value in case.items()
    ]
    text = ",\n ".join(lines)
    (folder / f"{name}.json").write_text("{" + text + "}\n")
    print(f"{name}: {case['source']}")


def around(value, dtype):
    """A value, its neighbours, both zeros, far values, infinities and NaN, as rows."""
    value = dtype(value)
    near = [
        np.nextafter(value, -INF, dtype=value.dtype),
        value,
        np.nextafter(value, INF, dtype=value.dtype),
    ]
    return [[x] for x in [*near, 0.0, -0.0, 1e30, -1e30, INF, -INF, NAN]]
