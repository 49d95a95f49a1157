"""Trains the forests that kernels are timed with, and writes each to its folder: see folders.py.

Flights out of New York in 2013 with the features of models/nyc-2013-gbm.onnx, by LightGBM on one
thread, so that the trees are the same on every machine. Nothing is written unless every tree has all
the leaves it may have, and onnxruntime agrees with LightGBM.
"""

import sys

import lightgbm
import numpy as np
import onnxruntime

from folders import ROOT, ROWS, SIZES, name_of
from measure import BATCHES, lleaves_scores
from nyc_2013 import on_time_rows
from nyc_2013_gbm import (
    FEATURES,
    HIDDEN,
    MOST_DIFFERENCE,
    PARAMETERS,
    TRAINING,
    described,
    encode,
    exported,
)
from schema import COLUMNS, TARGET


def main():
    rows = on_time_rows({str(month) for month in range(1, 13)})
    month = COLUMNS.index("Month")
    training = [row for row in rows if int(row[month]) in TRAINING]
    later = [row for row in rows if int(row[month]) not in TRAINING]
    truth = np.array([row[COLUMNS.index(TARGET)] == "YES" for row in training]).astype(int)
    features = described(FEATURES, training, truth)

    inputs = with_gaps(encode(training, features))
    # Rows that the forests have not seen, spread over two months.
    timed = [later[i * len(later) // ROWS] for i in range(ROWS)]
    timed = with_gaps(encode(timed, features)).astype(np.float32)
    for trees, leaves in SIZES:
        write(train(inputs, truth, trees, leaves), timed, name_of(trees, leaves))


def with_gaps(inputs):
    draw = np.random.default_rng(1)
    return np.where(draw.random(inputs.shape) < HIDDEN, np.nan, inputs)


def train(inputs, truth, trees, leaves):
    # Few rows are enough for a leaf, or the last of many trees would not find all of theirs.
    parameters = PARAMETERS | {"num_leaves": leaves, "min_data_in_leaf": 50}
    booster = lightgbm.train(parameters, lightgbm.Dataset(inputs, truth), trees)
    found = [tree["num_leaves"] for tree in booster.dump_model()["tree_info"]]
    if found != [leaves] * trees:
        sys.exit(f"{len(found)} trees of {min(found)} to {max(found)} leaves, not {trees} of {leaves}")
    return booster


def write(booster, timed, name):
    proto = exported(booster)
    expected = booster.predict(timed, num_threads=1)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    scores = session.run(["probabilities"], {session.get_inputs()[0].name: timed})[0]
    difference = np.abs(scores[:, 1] - expected).max()
    if not difference <= MOST_DIFFERENCE:
        sys.exit(f"{name}: onnxruntime differs from LightGBM by {difference:.2g}")

    folder = ROOT / name
    folder.mkdir(parents=True, exist_ok=True)
    former = folder / "model.txt"
    text = booster.model_to_string()
    if not former.exists() or former.read_text() != text:
        # What was compiled of former trees.
        for old in folder.glob("lleaves*"):
            old.unlink()
    (folder / "model.onnx").write_bytes(proto.SerializeToString(deterministic=True))
    former.write_text(text)
    timed.astype("<f4").tofile(folder / "rows.f32")
    expected.astype("<f8").tofile(folder / "expected.f64")
    print(
        f"{name}: {np.isnan(timed).mean():.2%} of the values are missing, "
        f"onnxruntime differs from LightGBM by {difference:.2g} at most",
        file=sys.stderr,
    )
    # So that nobody who measures waits for it.
    for batch in BATCHES:
        lleaves_scores(folder, booster.num_trees(), batch)


if __name__ == "__main__":
    main()
