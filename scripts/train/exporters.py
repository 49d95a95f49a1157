"""Models as the common exporters write them, with onnxruntime's scores, in tests/fixtures/exporters/.

    exporters.py

Each NAME.onnx is the exporter's file, untouched. NAME.json has

    exporter, library   with their versions
    model               what it is, in a few words
    source              who says what the outputs are
    precision           of the outputs: float or double
    library_difference  how far the file, run by onnxruntime, is from the library itself, at most
    inputs, outputs     rows of numbers, with the columns of all inputs of the graph in their order;
                        "NaN", "Infinity" and "-Infinity" as text
    classes, labels     of classifiers: what the columns of `outputs` are called, the label of each row
"""

import json
import sys
import warnings
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from exported import WIDTH, features
from exported_boosters import catboost_models, lightgbm_models, xgboost_models
from exported_scikit_learn import pipelines, scikit_learn_models

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "exporters"
MOST_BYTES = 15_000
# xgboost without its parts for graphics cards is another distribution.
DISTRIBUTIONS = {"xgboost": "xgboost-cpu"}


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in [*FOLDER.glob("*.onnx"), *FOLDER.glob("*.json")]:
        old.unlink()
    # The exporters use what numpy and scikit-learn are about to take away.
    warnings.simplefilter("ignore")
    # Exporters declare shapes that are not those of several rows; each would be a warning.
    onnxruntime.set_default_logger_severity(3)
    for models in (
        lightgbm_models,
        xgboost_models,
        catboost_models,
        scikit_learn_models,
        pipelines,
    ):
        for exported in models():
            write(exported)


def write(exported):
    if len(exported.onnx) > MOST_BYTES:
        sys.exit(f"{exported.name}: {len(exported.onnx)} bytes are too many")
    rows = rows_for(exported)
    outputs, labels, precision = run(exported, rows)
    fixture = {
        "exporter": exported.exporter,
        "exporter_version": version(exported.exporter),
        "library": exported.library,
        "library_version": version(DISTRIBUTIONS.get(exported.library, exported.library)),
        "model": exported.model,
        "source": f"onnxruntime {onnxruntime.__version__}",
        "precision": precision,
        "library_difference": library_difference(exported),
        "inputs": rows.tolist(),
        "outputs": outputs.tolist(),
    }
    if labels is not None:
        fixture |= {"classes": classes(exported.onnx), "labels": labels}
    (FOLDER / f"{exported.name}.onnx").write_bytes(exported.onnx)
    lines = [f"{json.dumps(key)}:{as_json(value)}" for key, value in fixture.items()]
    text = ",\n ".join(lines)
    (FOLDER / f"{exported.name}.json").write_text("{" + text + "}\n")
    print(
        f"{exported.name}: {len(exported.onnx)} bytes, {len(rows)} rows, "
        f"{exported.library} is {fixture['library_difference']:.2g} away"
    )


def as_json(value):
    text = json.dumps(value, separators=(",", ":"))
    for word in ("-Infinity", "Infinity", "NaN"):
        text = text.replace(f",{word}", f',"{word}"').replace(f"[{word}", f'["{word}"')
    return text


def rows_for(exported):
    """Ordinary rows, rows that hit thresholds exactly or by one bit not, zeros, extremes and gaps."""
    dtype = np.float64 if exported.double else np.float32
    draw = np.random.default_rng(11)
    ordinary = features(count=12, missing=exported.missing, seed=12).astype(dtype)
    chosen = thresholds(exported.onnx)
    draw.shuffle(chosen)
    near = []
    for feature, value in chosen[:6]:
        value = dtype(value)
        for x in (np.nextafter(value, dtype(-np.inf)), value, np.nextafter(value, dtype(np.inf))):
            row = features(count=1, missing=False, seed=len(near) // 3).astype(dtype)[0]
            row[feature] = x
            near.append(row)
    rows = [*ordinary, *near, np.zeros(WIDTH), np.full(WIDTH, -0.0)]
    if exported.plain:
        rows += [np.full(WIDTH, x) for x in (1e30, -1e30, np.inf, -np.inf)]
    if exported.missing:
        rows.append(np.full(WIDTH, np.nan))
    return np.array(rows, dtype=dtype)


def thresholds(file):
    """What the trees compare with, as (feature, value); they see the inputs unless something is before them."""
    found = set()
    for node in onnx.load_from_string(file).graph.node:
        if node.op_type.startswith("TreeEnsemble"):
            attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
            keys = ("nodes_modes", "nodes_featureids", "nodes_values")
            for mode, feature, value in zip(*(attributes[key] for key in keys)):
                if mode != b"LEAF" and feature < WIDTH and np.isfinite(value):
                    found.add((feature, value))
    return sorted(found)


def classes(file):
    """The labels as the trees name them."""
    for node in onnx.load_from_string(file).graph.node:
        for attribute in node.attribute:
            if node.op_type == "TreeEnsembleClassifier" and attribute.name.startswith(
                "classlabels"
            ):
                found = helper.get_attribute_value(attribute)
                return [name.decode() if isinstance(name, bytes) else name for name in found]
    sys.exit("a classifier without labels")


def run(exported, rows):
    """The scores, the labels where there are some, and the precision of the scores."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(exported.onnx, options)
    feeds, at = {}, 0
    parts = exported.parts or {session.get_inputs()[0].name: WIDTH}
    for name, width in parts.items():
        feeds[name] = rows[:, at : at + width]
        at += width
    *labels, scores = session.run(None, feeds)
    of_scores = session.get_outputs()[-1].type
    if isinstance(scores, list):
        # A map for each row, in the order of the labels.
        scores = np.array([list(row.values()) for row in scores])
    precision = "double" if "double" in of_scores else "float"
    scores = scores.reshape(len(rows), -1)
    return scores, labels[0].tolist() if labels else None, precision


def library_difference(exported):
    rows = features(count=2000, missing=exported.missing, seed=21)
    if exported.double:
        rows = rows.astype(np.float64)
    scores, _, _ = run(exported, rows)
    wanted = exported.predict(rows)
    return float(np.abs(scores - wanted.reshape(scores.shape)).max())


if __name__ == "__main__":
    main()
