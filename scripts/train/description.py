"""The JSON by which a model explains itself: golden rows and training profile.

docs/models.md has the contract.
"""

import math

import numpy as np

from schema import field, fields_by_column

# The metadata property under which the JSON stands in an ONNX file.
KEY = "flight_delay_scorer"
# Two units in the last place of a number near 1.
TOLERANCE = {"float": 1.2e-7, "double": 4.5e-16}
SCORE_EDGES = [round(0.05 * step, 2) for step in range(1, 20)]


def encode(rows, features):
    """Rows (lists of fields) as the model sees them, [rows, features]: NaN is missing.

    Raises ValueError where a number cannot be read.
    """
    positions = [
        {value: float(at) for at, value in enumerate(feature.get("values", []))}
        for feature in features
    ]
    matrix = np.full((len(rows), len(features)), math.nan)
    for at, row in enumerate(rows):
        fields = fields_by_column(row)
        for column, (feature, known) in enumerate(zip(features, positions)):
            if feature.get("always_missing"):
                continue
            if feature["type"] == "numeric":
                matrix[at, column] = field(feature["column"], fields[feature["column"]])
            else:
                matrix[at, column] = known.get(fields[feature["column"]], math.nan)
    return matrix


def golden(rows, inputs, scores, positive, precision, count=12):
    """Golden rows from scored ones: spread over the scores, and those that miss most.

    `rows` are lists of fields, `scores` [rows, labels] are an independent implementation's.
    """
    by_score = np.argsort(scores[:, positive], kind="stable")
    chosen = [int(by_score[i * (len(rows) - 1) // (count - 1)]) for i in range(count)]
    missing = np.isnan(inputs).sum(axis=1)
    chosen += [int(i) for i in np.argsort(-missing, kind="stable")[:4]]
    return {
        "tolerance": TOLERANCE[precision],
        "rows": [golden_row(rows[i], scores[i]) for i in sorted(set(chosen))],
    }


def golden_row(fields, scores):
    return {"row": csv_line(fields), "probabilities": [float(score) for score in scores]}


def csv_line(fields):
    quoted = (
        '"' + text.replace('"', '""') + '"' if any(c in text for c in ',"\r\n') else text
        for text in fields
    )
    return ",".join(quoted)


def profile(features, inputs, positive_scores, edges):
    """Histograms of what the model was fed in training, and of its scores.

    `edges` are those of the numeric features, by name; none is one bin.
    """
    described = []
    for feature, values in zip(features, inputs.T):
        known = values[~np.isnan(values)]
        entry = {"name": feature["name"], "missing": int(np.isnan(values).sum())}
        if feature["type"] == "categorical":
            size = len(feature["values"])
            entry["counts"] = np.bincount(known.astype(int), minlength=size).tolist()
        else:
            bounds = [float(edge) for edge in edges.get(feature["name"], [])]
            entry |= {"edges": bounds, "counts": histogram(known, bounds)}
        described.append(entry)
    score = {"edges": SCORE_EDGES, "counts": histogram(positive_scores, SCORE_EDGES)}
    return {"rows": len(inputs), "features": described, "score": score}


def histogram(values, edges):
    """Counts of (-inf, e0), [e0, e1), ..., [last, inf)."""
    buckets = np.searchsorted(np.array(edges), values, side="right")
    return np.bincount(buckets, minlength=len(edges) + 1).tolist()
