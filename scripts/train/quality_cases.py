"""Scores and truth with the figures that scikit-learn and numpy give them: tests/fixtures/quality.json.

    python quality_cases.py

tallies      scores of one model and truth. AUC, Brier score, log loss, accuracy, confusion counts
             and calibration are scikit-learn's; `auc_binned` is the AUC of the scores sorted into
             1,000 bins.
comparisons  scores of two models and truth, null where there is none. The difference of the AUCs
             and its standard error are DeLong's, written out here pair by pair, on the scores as
             they are and sorted into 64 cells; null where the cells lose more than a tenth of
             the pairs.
indexes      counts by bin in training and now, with the population stability index.
"""

import json
import math
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    confusion_matrix,
    log_loss,
    roc_auc_score,
)

FILE = Path(__file__).resolve().parents[2] / "tests" / "fixtures" / "quality.json"
# Upper bounds of cells in thousandths; those above 500 mirror them.
CELLS = """1 2 3 4 6 8 10 13 17 22 28 36 46 58 72 88 106 126 148 170 194 218 244 270 298 326 354
382 412 441 470 500"""
draw = np.random.default_rng(20131101)


def binned(scores, bins):
    """The number of a score's bin, which holds its upper bound; the first also holds 0."""
    return np.maximum(np.ceil(np.asarray(scores) * bins), 1)


def in_cells(scores):
    half = [int(bound) for bound in CELLS.split()]
    bounds = half + [1000 - bound for bound in reversed(half[:-1])] + [1000]
    return np.searchsorted(bounds, binned(scores, 1000))


def tied(scores, truth):
    """The share of the pairs of either truth whose scores are equal."""
    return (scores[truth][:, None] == scores[~truth]).mean()


def tally(name, scores, truth, threshold):
    scores, truth = np.asarray(scores, dtype=np.float64), np.asarray(truth, dtype=bool)
    verdict = scores >= threshold
    tn, fp, fn, tp = confusion_matrix(truth, verdict, labels=[False, True]).ravel().tolist()
    both = truth.any() and not truth.all()
    observed, mean = calibration_curve(truth, scores, n_bins=10)
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], scores)
    shares = np.bincount(bins)[np.unique(bins)] / len(scores)
    return {
        "name": name,
        "threshold": threshold,
        "scores": scores.tolist(),
        "truth": truth.astype(int).tolist(),
        "auc": roc_auc_score(truth, scores) if both else None,
        "auc_binned": roc_auc_score(truth, binned(scores, 1000)) if both else None,
        "brier": brier_score_loss(truth, scores),
        "log_loss": log_loss(truth, scores, labels=[False, True]),
        "accuracy": accuracy_score(truth, verdict),
        "confusion": [tp, fp, tn, fn],
        "mean_score": mean.tolist(),
        "observed_rate": observed.tolist(),
        "calibration_error": float((shares * np.abs(mean - observed)).sum()),
    }


def places(scores, truth):
    """For each row, the share of the rows of the other truth on the right side of it."""
    positives, negatives = scores[truth], scores[~truth]
    pairs = (positives[:, None] > negatives) + 0.5 * (positives[:, None] == negatives)
    return pairs.mean(axis=1), pairs.mean(axis=0)


def delong(champion, challenger, truth):
    """The AUC of the challenger less the champion's, and its standard error."""
    by_positive, by_negative = zip(places(champion, truth), places(challenger, truth))
    difference = np.mean(by_positive[1]) - np.mean(by_positive[0])
    covariance = np.cov(by_positive) / truth.sum() + np.cov(by_negative) / (~truth).sum()
    variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    return float(difference), math.sqrt(max(variance, 0))


def comparison(name, champion, challenger, truth, thresholds):
    champion, challenger = np.asarray(champion), np.asarray(challenger)
    known = np.array([value is not None for value in truth])
    sure = np.array([bool(value) for value in truth])[known]
    left, right = champion[known], challenger[known]
    difference, error = delong(left, right, sure)
    lost = max(tied(in_cells(x), sure) - tied(binned(x, 1000), sure) for x in (left, right))
    same = (champion >= thresholds[0]) == (challenger >= thresholds[1])
    return {
        "name": name,
        "thresholds": thresholds,
        "champion": champion.tolist(),
        "challenger": challenger.tolist(),
        "truth": truth,
        "agreement": same.mean(),
        "difference": difference,
        "error": error,
        "error_binned": None if lost > 0.1 else delong(in_cells(left), in_cells(right), sure)[1],
    }


def index(name, trained, rows, looked_at=None):
    """`rows` are an estimate where fewer were looked at: half of one of these stands for none."""
    trained, rows = np.array(trained, dtype=float), np.array(rows, dtype=float)
    looked_at = looked_at or int(rows.sum())
    half = rows.sum() / looked_at / 2
    used = (trained > 0) | (rows > 0)
    expected = np.maximum(trained, 0.5)[used] / trained.sum()
    actual = np.where(rows > 0, rows, half)[used] / rows.sum()
    return {
        "name": name,
        "trained": trained.astype(int).tolist(),
        "rows": rows.astype(int).tolist(),
        "looked_at": looked_at,
        "psi": float(((actual - expected) * np.log(actual / expected)).sum()),
    }


def logistic(z):
    return 1 / (1 + np.exp(-z))


def tallies():
    rows = 300
    z = draw.normal(-0.5, 1.2, rows)
    truth = draw.random(rows) < logistic(z)
    rough = np.round(logistic(z), 4)
    return [
        tally("of double precision", logistic(z), truth, 0.44517576623644245),
        tally("of single precision", logistic(z).astype(np.float32), truth, 0.5),
        tally("four digits", rough, truth, 0.35),
        tally("many ties, all on bounds of bins", np.round(rough * 20) / 20, truth, 0.35),
        tally("all the same", np.full(60, 0.3), truth[:60], 0.3),
        tally("perfect", np.where(truth, 0.75, 0.25)[:60], truth[:60], 0.5),
        tally("the wrong way round", np.where(truth, 0.1, 0.9)[:60], truth[:60], 0.5),
        tally("certain, and sometimes wrong", np.round(rough)[:100], truth[:100], 0.5),
        tally("only positives", rough[:50], np.ones(50), 0.5),
        tally("only negatives", rough[:50], np.zeros(50), 0.5),
        tally("one row", [0.125], [1], 0.5),
        tally("rare, and near each other", np.round(rough * 0.04, 5), draw.random(rows) < rough * 0.2, 0.02),
    ]


def comparisons():
    rows = 400
    latent = draw.normal(-0.4, 1.5, rows)
    truth = (draw.random(rows) < logistic(latent)).astype(int).tolist()
    weak = np.round(logistic(0.5 * latent + draw.normal(0, 0.7, rows)), 5)
    strong = np.round(logistic(0.9 * latent + draw.normal(0, 0.3, rows)), 5)
    partly = [value if row % 3 else None for row, value in enumerate(truth)]
    half = slice(0, rows // 2)
    return [
        comparison("a stronger challenger", weak, strong, truth, [0.4, 0.45]),
        comparison("truth for some rows", weak, strong, partly, [0.4, 0.45]),
        comparison("a model and itself", strong[half], strong[half], truth[half], [0.5, 0.5]),
        comparison("a model and its opposite", strong[half], 1 - strong[half], truth[half], [0.5, 0.5]),
        comparison("a constant challenger", weak[half], np.full(rows // 2, 0.4), truth[half], [0.5, 0.4]),
        *crowded(),
    ]


def crowded():
    """Scores that lie near each other."""
    rows = 500
    latent = draw.normal(0, 1, rows)
    often = draw.random(rows) < logistic(latent)
    rare = draw.random(rows) < np.minimum(0.06 * np.exp(latent), 1)
    first, second = (latent + draw.normal(0, spread, rows) for spread in (1.5, 0.7))
    low, lower = (np.round(0.0156 * logistic(1.2 * z - 1), 6) for z in (first, second))
    weak, weaker = (np.round(0.4 + 0.01 * logistic(z), 6) for z in (first, second))
    yes = often.astype(int).tolist()
    return [
        comparison("a rare event", low, lower, rare.astype(int).tolist(), [0.01, 0.01]),
        comparison("a nearly certain one", 1 - low, 1 - lower, (1 - rare).tolist(), [0.99, 0.99]),
        comparison("scores within 0.01", weak, weaker, yes, [0.405, 0.405]),
        comparison("a challenger's within 0.01", logistic(first), weaker, yes, [0.5, 0.405]),
        comparison("a champion's within 0.01", weak, logistic(second), yes, [0.405, 0.5]),
    ]


def indexes():
    share = draw.dirichlet(np.full(20, 3.0))
    trained = draw.multinomial(40_000, share)
    return [
        index("nothing changed but chance", [*trained, 0], [*draw.multinomial(5_000, share), 0]),
        index("shifted", [*trained, 400], [*draw.multinomial(5_000, np.roll(share, 3)), 20]),
        index("a bin that training had not", [500, 500, 0, 0], [500, 250, 250, 0]),
        index("a bin that is gone, all else missing", [500, 400, 100, 0], [0, 400, 0, 600]),
        index("every fourth row looked at", [500, 400, 100, 0], [4_400, 1_600, 0, 0], 1_500),
    ]


def main():
    with warnings.catch_warnings():
        # Of one truth only, scikit-learn warns that there is no ROC curve.
        warnings.simplefilter("ignore")
        cases = {"tallies": tallies(), "comparisons": comparisons(), "indexes": indexes()}
    versions = f"scikit-learn {sklearn.__version__}, numpy {np.__version__}"
    blocks = [f'"source":{json.dumps(versions)}']
    for kind, entries in cases.items():
        lines = ",\n ".join(json.dumps(entry, separators=(",", ":")) for entry in entries)
        blocks.append(f'"{kind}":[\n {lines}\n]')
        print(f"{kind}: {', '.join(entry['name'] for entry in entries)}")
    FILE.write_text("{" + ",\n".join(blocks) + "}\n")


if __name__ == "__main__":
    main()
