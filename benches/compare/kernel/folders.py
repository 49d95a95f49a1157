"""Where the forests to be timed are, and what is in their folders.

    model.onnx    [rows, 9] floats in; label and probabilities [rows, 2], floats, out
    model.txt     the same trees as LightGBM writes them
    rows.f32      ROWS x 9 little-endian floats, row by row; NaN is missing
    expected.f64  ROWS little-endian doubles: LightGBM's own probability of the second class
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[3] / "target" / "compare" / "kernel"
# Trees and leaves a tree.
SIZES = [(10, 31), (100, 50), (500, 110)]
ROWS = 4096


def name_of(trees, leaves):
    return f"{trees}x{leaves}"
