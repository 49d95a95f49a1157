"""Trains the airline model with H2O and writes it as ONNX, proven against H2O.

    airline_gbm.py allyears2k_headers.csv.gz

writes models/airline-gbm.onnx and tests/fixtures/airline-gbm-h2o.csv. Nothing is written
when the ONNX model disagrees with H2O anywhere.
"""

import csv
import gzip
import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import h2o_model
from description import profile
from made_up_rows import GOLDEN, made_up_rows
from onnx_model import forest_attributes, graph
from schema import ALWAYS_MISSING, CATEGORICAL, COLUMNS, FEATURES, TARGET, columns_of, encode

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "models" / "airline-gbm.onnx"
FIXTURE = ROOT / "tests" / "fixtures" / "airline-gbm-h2o.csv"

# The first two golden rows, digit for digit.
FAMOUS_SCORES = [
    (0.4319916897116479, 0.5680083102883521),
    (0.5955978728809052, 0.40440212711909485),
]
# Two units in the last place of a double near 1.
TOLERANCE = 4.5e-16


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    path = sys.argv[1]
    rows = read_rows(path)
    h2o_model.start()
    try:
        h2o, frame = h2o_model.train(path)
        threshold = h2o.default_threshold()
        if abs(threshold - h2o_model.THRESHOLD) > math.ulp(h2o_model.THRESHOLD):
            sys.exit(f"H2O's max-F1 threshold is {threshold!r}, not {h2o_model.THRESHOLD!r}")
        domains = h2o_model.domains_of(h2o)

        golden = [dict(zip(columns_of(row.count(",") + 1), row.split(","))) for row in GOLDEN]
        golden_scores = h2o_model.score_rows(h2o, golden)
        for row, wanted, got in zip(GOLDEN, FAMOUS_SCORES, golden_scores):
            if tuple(got) != wanted:
                sys.exit(f"H2O scores {row} as {list(got)}, not {list(wanted)}")

        scores = h2o_model.score_frame(h2o, frame)
        made_up = made_up_rows(domains)
        made_up_scores = h2o_model.score_rows(h2o, made_up)
        more = made_up_rows(domains, count=50_000, seed=1)
        more_scores = h2o_model.score_rows(h2o, more)
        forest = forest_attributes(h2o, domains)
        report_h2o(h2o)
    finally:
        h2o_model.stop()

    inputs = np.array([encode(row, domains) for row in rows])
    features = [feature(name, domains) for name in FEATURES]
    card = {
        "name": "airline-gbm",
        "version": "1",
        "description": "Will a US domestic flight leave late? H2O 3.46.0.12 gradient boosting, "
        "10 trees of depth 5, trained on 43,978 flights of 1987 to 2008.",
        "features": features,
        "labels": h2o_model.LABELS,
        "positive": "YES",
        "threshold": h2o_model.THRESHOLD,
        "golden": {
            "tolerance": TOLERANCE,
            "rows": [
                {"row": row, "probabilities": [float(p) for p in probabilities]}
                for row, probabilities in zip(GOLDEN, golden_scores)
            ],
        },
        "profile": profile(features, inputs, scores[:, 1], EDGES),
    }
    model = graph(forest, h2o_model.init_of(h2o), card)
    onnx.checker.check_model(model, full_check=True)
    data = model.SerializeToString(deterministic=True)

    prove("training rows", data, inputs, scores)
    golden_inputs = np.array([encode(row.split(","), domains) for row in GOLDEN])
    prove("golden rows", data, golden_inputs, golden_scores)
    if [tuple(p) for p in run(data, golden_inputs[:2])] != FAMOUS_SCORES:
        sys.exit("onnxruntime does not give the first two golden rows digit for digit")
    for what, drawn, drawn_scores in (
        ("made-up rows", made_up, made_up_scores),
        ("more made-up rows", more, more_scores),
    ):
        fields = [[row[name] for name in COLUMNS] for row in drawn]
        prove(what, data, np.array([encode(row, domains) for row in fields]), drawn_scores)
    report_as_served(rows, scores[:, 1])

    MODEL.parent.mkdir(parents=True, exist_ok=True)
    MODEL.write_bytes(data)
    FIXTURE.parent.mkdir(parents=True, exist_ok=True)
    with FIXTURE.open("w", newline="") as out:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_NONE)
        writer.writerow([*COLUMNS, "p_no", "p_yes"])
        for row, (p_no, p_yes) in zip(made_up, made_up_scores):
            fields = [row[name] for name in COLUMNS]
            writer.writerow([*fields, repr(float(p_no)), repr(float(p_yes))])
    for file in (MODEL, FIXTURE):
        print(f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.relative_to(ROOT)}")


def read_rows(path):
    """The fields of each row. Latin-1 keeps every byte: some tail numbers are not UTF-8."""
    if not Path(path).is_file():
        sys.exit(f"{path} does not exist")
    with (gzip.open if path.endswith(".gz") else open)(path, "rt", encoding="latin-1") as lines:
        header, *rows = csv.reader(lines)
    if header != COLUMNS:
        sys.exit(f"{path}: the header is not that of the on-time data")
    return rows


def feature(name, domains):
    entry = {"name": name, "column": name}
    if name in CATEGORICAL:
        entry |= {"type": "categorical", "values": domains[name]}
    else:
        entry |= {"type": "numeric"}
    if name in ALWAYS_MISSING:
        entry["always_missing"] = True
    return entry


# Buckets a person can read: a year, a month, a day, an hour each.
EDGES = {
    "Year": range(1988, 2009),
    "Month": range(2, 13),
    "DayofMonth": range(2, 32),
    "DayOfWeek": range(2, 8),
    "CRSDepTime": range(100, 2400, 100),
}


def run(data, inputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"features": inputs})[0]


def prove(what, data, inputs, wanted):
    """Ends with an error unless onnxruntime agrees with H2O on every row."""
    if len(inputs) != len(wanted):
        sys.exit(f"{what}: {len(inputs)} rows read, {len(wanted)} scored by H2O")
    got = run(data, inputs)
    difference = np.abs(got - wanted).max(axis=1)
    print(
        f"{what}: {len(inputs)}, onnxruntime differs from H2O on {np.count_nonzero(difference)}, "
        f"by {difference.max():.2g} at most"
    )
    if not difference.max() <= TOLERANCE:
        worst = int(difference.argmax())
        sys.exit(f"{what}: row {worst}: H2O {wanted[worst]}, onnxruntime {got[worst]}")


def report_h2o(model):
    print(
        f"H2O on its training rows, every feature fed: AUC {model.auc():.4f}, "
        f"PR AUC {model.aucpr():.4f}, log loss {model.logloss():.4f}, Brier {model.mse():.4f}"
    )


def report_as_served(rows, p_yes):
    """The same rows the way the service feeds them, with three features missing."""
    truth = np.array([row[COLUMNS.index(TARGET)] == "YES" for row in rows])
    said = p_yes >= h2o_model.THRESHOLD
    ranks = np.searchsorted(np.sort(p_yes), p_yes, "left") + np.searchsorted(
        np.sort(p_yes), p_yes, "right"
    )
    positives = truth.sum()
    # The rank sum of the positives, ties counted half.
    auc = (((ranks + 1) / 2)[truth].sum() - positives * (positives + 1) / 2) / (
        positives * (len(truth) - positives)
    )
    loss = -np.mean(np.log(np.where(truth, p_yes, 1 - p_yes)))
    recall, precision = (said & truth).sum() / positives, (said & truth).sum() / said.sum()
    print(
        f"the same rows as served: AUC {auc:.4f}, log loss {loss:.4f}, "
        f"Brier {np.mean((p_yes - truth) ** 2):.4f}, YES said {said.mean():.4f} true "
        f"{truth.mean():.4f}, accuracy {(said == truth).mean():.4f}, precision {precision:.4f}, "
        f"recall {recall:.4f}, F1 {2 * precision * recall / (precision + recall):.4f}, "
        f"scores {p_yes.min():.4f} to {p_yes.max():.4f}"
    )


if __name__ == "__main__":
    main()
