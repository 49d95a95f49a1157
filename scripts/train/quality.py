"""How good the probabilities of a model are, by scikit-learn."""

import numpy as np
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, roc_auc_score

# Ten bins of equal width.
BINS = 10


def figures(truth, scores, threshold):
    """`truth` is 0 or 1, `scores` the probability of 1."""
    said = scores >= threshold
    (tn, fp), (fn, tp) = confusion_matrix(truth, said).tolist()
    bins = calibration(truth, scores)
    return {
        "AUC": roc_auc_score(truth, scores),
        "Brier score": brier_score_loss(truth, scores),
        "log loss": log_loss(truth, scores),
        "calibration error": sum(n * abs(said - true) for _, n, said, true in bins) / len(truth),
        "accuracy": (tp + tn) / len(truth),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
    }


def calibration(truth, scores):
    """(lower bound, rows, mean probability, share that was true) of each bin that has rows."""
    bins = np.minimum((scores * BINS).astype(int), BINS - 1)
    return [
        (at / BINS, int(here.sum()), float(scores[here].mean()), float(truth[here].mean()))
        for at in range(BINS)
        if (here := bins == at).any()
    ]


def best_f1(truth, scores):
    """The threshold with the highest F1, in steps of 0.001."""
    steps = [round(0.001 * step, 3) for step in range(1, 1000)]
    positives = np.sort(scores[truth == 1])
    all_scores = np.sort(scores)
    right = len(positives) - np.searchsorted(positives, steps)
    said = len(all_scores) - np.searchsorted(all_scores, steps)
    return steps[int(np.argmax(2 * right / (said + len(positives))))]


def table(by_model):
    """Markdown: a column for each model."""
    names = list(by_model)
    lines = ["| | " + " | ".join(names) + " |", "|---" * (len(names) + 1) + "|"]
    for figure in by_model[names[0]]:
        values = (f"{by_model[name][figure]:.4f}" for name in names)
        lines.append(f"| {figure} | " + " | ".join(values) + " |")
    return "\n".join(lines)


def calibration_table(by_model):
    """Markdown: for each bin, rows, mean probability and true share by model."""
    bins = {name: {row[0]: row[1:] for row in rows} for name, rows in by_model.items()}
    lines = ["| P(YES) from | " + " | ".join(f"{name}: rows, said, true" for name in bins) + " |"]
    lines.append("|---" * (len(bins) + 1) + "|")
    for lower in sorted(set().union(*bins.values())):
        cells = (
            "{:,}, {:.3f}, {:.3f}".format(*rows[lower]) if lower in rows else "none"
            for rows in bins.values()
        )
        lines.append(f"| {lower:.1f} | " + " | ".join(cells) + " |")
    return "\n".join(lines)
