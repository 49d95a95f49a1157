"""The post_transform of the tree operators by the specification, and how exactly it is to be met."""

import math

import numpy as np


def transformed(scores, transform, dtype=np.float32):
    """The transform of the scores of a row, each step rounded to `dtype`.

    Exponentials and logarithms are those of the double, rounded: numpy's own of floats are some units off, and not
    the same on each machine.
    """
    scores = np.asarray(scores, dtype)
    with np.errstate(all="ignore"):
        if transform == "LOGISTIC":
            return np.array([logistic(score, dtype) for score in scores], dtype)
        if transform == "PROBIT":
            return np.array([probit(score, dtype) for score in scores], dtype)
        if transform in ("SOFTMAX", "SOFTMAX_ZERO"):
            powers = [exp(score, dtype) for score in scores - scores.max()]
            if transform == "SOFTMAX_ZERO":
                # A score of zero stays one.
                powers = [dtype(0) if score == 0 else p for score, p in zip(scores, powers)]
            total = dtype(0)
            for power in powers:
                total += power
            return np.array([power / total if total else power for power in powers], dtype)
    return scores


def logistic(score, dtype):
    """Through the exponential of what is not positive, as the ONNX reference computes it."""
    value = dtype(1) / (dtype(1) + exp(-abs(score), dtype))
    return dtype(1) - value if score < 0 else value


def probit(p, dtype):
    """The normal quantile by Winitzki's approximation of the inverse error function.

    Both onnxruntime and the ONNX reference use it, with the square root of two in nine digits; the true quantile is
    up to 0.004 away for 0.01 < p < 0.99.
    """
    x = dtype(2) * p - dtype(1)
    log = ln((dtype(1) - x) * (dtype(1) + x), dtype)
    half = dtype(2) / (dtype(math.pi) * dtype(0.147)) + dtype(0.5) * log
    root = np.sqrt(np.sqrt(half * half - dtype(1) / dtype(0.147) * log) - half)
    return dtype(1.41421356) * np.copysign(root, x)


def exp(x, dtype):
    return dtype(math.exp(x))


def ln(x, dtype):
    if x > 0:
        return dtype(math.log(x))
    return dtype(-math.inf if x == 0 else math.nan)


def ulps(transform, double=False):
    """How many units in the last place an output may be off.

    None where nothing but sums happens. The others are for the exponentials and logarithms of another machine: with
    those of glibc, onnxruntime and this evaluation agree to the last bit. PROBIT near 0.5 takes two nearly equal
    numbers from each other, but as each step is the same, it needs no more than the others.
    """
    if transform == "NONE":
        return 0
    return 1 if double else 2


def distance(found, expected):
    """The most units in the last place of what is expected that a value is off."""
    found, expected = np.asarray(found), np.asarray(expected)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(all="ignore"):
        off = np.abs(found.astype(np.float64) - expected) / np.spacing(np.abs(expected))
    return np.where(same, 0, np.nan_to_num(off, nan=np.inf)).max()
