"""Trains a LightGBM model on flights out of New York from January to October 2013 and writes it as ONNX.

    nyc_2013_gbm.py

writes models/nyc-2013-gbm.onnx, and prints how it does on November and December, which nothing
here is chosen by, and how models/airline-gbm.onnx does. Nothing is written when onnxruntime
disagrees with LightGBM.
"""

import hashlib
import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnx
import onnxmltools
import onnxruntime
from nyc_2013 import on_time_rows
from onnx import helper
from onnxmltools.convert.common.data_types import FloatTensorType

import quality
from description import KEY, encode, golden, golden_row, profile
from made_up_rows import GOLDEN, made_up_rows
from schema import CATEGORICAL, COLUMNS, TARGET

MODELS = Path(__file__).resolve().parents[2] / "models"
MODEL = MODELS / "nyc-2013-gbm.onnx"
SEED_MODEL = MODELS / "airline-gbm.onnx"
# What is known before departure.
DATE = ["Month", "DayofMonth"]
FEATURES = (
    "DayOfWeek CRSDepTime CRSArrTime UniqueCarrier FlightNum CRSElapsedTime Origin Dest Distance"
).split()
TRAINING = range(1, 11)
# The last months of training, which decide on features, rounds and threshold.
VALIDATION = range(9, 11)
PARAMETERS = {
    "objective": "binary",
    "metric": "auc",
    "learning_rate": 0.1,
    "num_leaves": 31,
    "min_data_in_leaf": 200,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbose": -1,
}
MOST_ROUNDS, PATIENCE = 400, 60
# Of every feature, one value in a hundred is hidden in training: the trees must learn what to
# make of a missing one, and the data has hardly any.
HIDDEN = 0.01
# An average category counts as if it had been seen this often more.
SHRINKAGE = 20
# Sums of floats in another order.
MOST_DIFFERENCE = 1e-6
LABELS, POSITIVE = ["NO", "YES"], 1
EDGES = {
    "DayOfWeek": range(2, 8),
    "CRSDepTime": range(100, 2400, 100),
    "CRSArrTime": range(100, 2400, 100),
    "FlightNum": range(200, 6001, 200),
    "CRSElapsedTime": range(40, 421, 20),
    "Distance": range(100, 2601, 100),
}


def main():
    rows = on_time_rows({str(month) for month in range(1, 13)})
    months = np.array([int(row[COLUMNS.index("Month")]) for row in rows])
    truth = np.array([row[COLUMNS.index(TARGET)] == "YES" for row in rows]).astype(int)

    rounds, threshold = choose(rows, truth, months)
    training = np.isin(months, TRAINING)
    kept = [row for row, keep in zip(rows, training) if keep]
    features = described(FEATURES, kept, truth[training])
    inputs = encode(kept, features)
    booster = train(inputs, truth[training], rounds)

    graph = exported(booster)
    scores = run(graph, inputs)
    made_up = [line.split(",") for line in GOLDEN]
    card = {
        "name": "nyc-2013-gbm",
        "version": "1",
        "description": f"Will a flight out of New York leave late? LightGBM {lightgbm.__version__}, "
        f"{rounds} trees, trained on {len(kept):,} flights of January to October 2013.",
        "features": features,
        "labels": LABELS,
        "positive": LABELS[POSITIVE],
        "threshold": threshold,
        "golden": golden(kept, inputs, scores, POSITIVE, "float"),
        "profile": profile(features, inputs, scores[:, POSITIVE], EDGES),
    }
    made_up_scores = run(graph, encode(made_up, features))
    card["golden"]["rows"] += [golden_row(*row) for row in zip(made_up, made_up_scores)]
    helper.set_model_props(graph, {KEY: json.dumps(card, separators=(",", ":"), allow_nan=False)})
    onnx.checker.check_model(graph, full_check=True)

    judged = [row for row, train in zip(rows, training) if not train]
    odd = made_up_rows({feature["name"]: feature.get("values") for feature in features})
    odd = [[row[column] for column in COLUMNS] for row in odd]
    for what, some in (("training", kept), ("November and December", judged), ("made-up", odd)):
        prove(what, graph, booster, encode(some, features))
    judge(judged, truth[~training], {MODEL: graph, SEED_MODEL: onnx.load(SEED_MODEL)})

    MODEL.write_bytes(graph.SerializeToString(deterministic=True))
    digest = hashlib.sha256(MODEL.read_bytes()).hexdigest()
    print(f"{digest}  {MODEL.name}, {MODEL.stat().st_size:,} bytes")


def choose(rows, truth, months):
    """How many rounds, and the threshold: what is best on the months of validation."""
    early = np.isin(months, TRAINING) & ~np.isin(months, VALIDATION)
    late = np.isin(months, VALIDATION)
    before = [row for row, keep in zip(rows, early) if keep]
    after = [row for row, keep in zip(rows, late) if keep]
    for names in (DATE + FEATURES, FEATURES):
        features = described(names, before, truth[early])
        unseen = encode(after, features)
        booster = train(encode(before, features), truth[early], MOST_ROUNDS, unseen, truth[late])
        rounds = booster.best_iteration
        scores = booster.predict(unseen, num_iteration=rounds)
        threshold = quality.best_f1(truth[late], scores)
        print(
            f"validation, {names}: {rounds} rounds, {quality.figures(truth[late], scores, threshold)}"
        )
    return rounds, threshold


def described(names, rows, truth):
    """The features, with the categories in the order of how often they left late.

    Trees cut a category list at one place, so the order is what they can learn from.
    """
    features = []
    for name in names:
        feature = {"name": name, "column": name, "type": "numeric"}
        if name in CATEGORICAL:
            column = COLUMNS.index(name)
            late = {}
            for row, delayed in zip(rows, truth):
                counts = late.setdefault(row[column], [0, 0])
                counts[delayed] += 1
            mean = truth.mean()
            rate = {
                value: (yes + SHRINKAGE * mean) / (no + yes + SHRINKAGE)
                for value, (no, yes) in late.items()
            }
            values = sorted(rate, key=lambda value: (rate[value], value))
            feature |= {"type": "categorical", "values": values}
        features.append(feature)
    return features


def train(inputs, truth, rounds, unseen=None, unseen_truth=None):
    draw = np.random.default_rng(1)
    inputs = np.where(draw.random(inputs.shape) < HIDDEN, np.nan, inputs)
    data = lightgbm.Dataset(inputs, truth)
    if unseen is None:
        return lightgbm.train(PARAMETERS, data, rounds)
    check = lightgbm.Dataset(unseen, unseen_truth, reference=data)
    stop = lightgbm.early_stopping(PATIENCE, verbose=False)
    return lightgbm.train(PARAMETERS, data, rounds, valid_sets=[check], callbacks=[stop])


def exported(booster):
    inputs = [("features", FloatTensorType([None, len(FEATURES)]))]
    # Left alone, the exporter makes up another name each time.
    return onnxmltools.convert_lightgbm(booster, "nyc-2013-gbm", inputs, zipmap=False)


def run(graph, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(graph.SerializeToString(), options)
    (of,) = session.get_inputs()
    dtype = np.float64 if "double" in of.type else np.float32
    return session.run(["probabilities"], {of.name: inputs.astype(dtype)})[0]


def prove(what, graph, booster, inputs):
    difference = np.abs(run(graph, inputs)[:, POSITIVE] - booster.predict(inputs)).max()
    print(
        f"{what} rows: {len(inputs):,}, onnxruntime differs from LightGBM by {difference:.2g} at most"
    )
    if not difference <= MOST_DIFFERENCE:
        sys.exit(f"that is more than {MOST_DIFFERENCE}")


def judge(rows, truth, models):
    print(f"\nNovember and December: {len(rows):,} rows, {truth.mean():.4f} of them YES\n")
    figures, bins = {}, {}
    for path, graph in models.items():
        card = json.loads({prop.key: prop.value for prop in graph.metadata_props}[KEY])
        scores = run(graph, encode(rows, card["features"]))[:, POSITIVE].astype(float)
        figures[path.stem] = quality.figures(truth, scores, card["threshold"])
        bins[path.stem] = quality.calibration(truth, scores)
    print(quality.table(figures), quality.calibration_table(bins), sep="\n\n", end="\n\n")


if __name__ == "__main__":
    main()
