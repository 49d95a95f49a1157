"""A model with what its exporter made of it, and the made-up rows that all of them are trained on."""

from dataclasses import dataclass, field
from typing import Callable

import numpy as np

WIDTH = 6
# Which features the several inputs of one graph are: their names and widths.
PARTS = {"times": 3, "day": 1, "places": 2}


@dataclass
class Exported:
    name: str
    model: str
    library: str
    exporter: str
    onnx: bytes
    # Probabilities, or values of a regression, of float rows.
    predict: Callable
    # Whether it takes missing values, is fed doubles, and has nothing before its trees.
    missing: bool = True
    double: bool = False
    plain: bool = True
    parts: dict = field(default_factory=dict)


def features(count=400, missing=True, seed=3):
    """Whole numbers, quarters, negative numbers, zeros of both signs, a category, and gaps."""
    draw = np.random.default_rng(seed)
    rows = np.column_stack(
        [
            draw.integers(0, 24, count),
            draw.integers(-8, 9, count) / 4,
            draw.normal(0, 100, count).round(1),
            draw.integers(0, 7, count),
            draw.exponential(1, count),
            draw.integers(0, 5, count),
        ]
    ).astype(np.float32)
    rows[draw.random(rows.shape) < 0.02] = -0.0
    if missing:
        gaps = draw.random(rows.shape) < 0.08
        gaps[:, 5] = False
        rows[gaps] = np.nan
    return rows


def targets(rows, kind, seed=4):
    """What there is to learn: a number, or classes cut from it."""
    draw = np.random.default_rng(seed)
    x = np.nan_to_num(rows.astype(np.float64), nan=5.0)
    value = (
        x[:, 0] / 8
        + np.abs(x[:, 1])
        - x[:, 2] / 80
        + np.isin(x[:, 3], [0, 5])
        + np.sin(x[:, 5] * 2)
    )
    value += draw.normal(0, 0.5, len(value))
    if kind == "regression":
        return value
    if kind == "three":
        return np.digitize(value, [1.5, 3.0])
    return (value > 2.4).astype(int)
