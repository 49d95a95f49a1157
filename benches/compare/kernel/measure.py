"""Times onnxruntime and lleaves on one thread with the forests that train.py wrote.

Prints a line for each figure, the median of REPETITIONS:
    kernel CONTENDER MODEL BATCH NANOSECONDS_PER_ROW
Both are called as their users call them, from Python, with rows of the type that they work on. What the call costs
counts, and is most of what a batch of one row takes.
"""

import statistics
import sys
import time

import lleaves
import numpy as np
import onnxruntime

from folders import ROOT, ROWS, SIZES, name_of

BATCHES = [1024, 1]
REPETITIONS = 5
SECONDS = 0.2
DEFAULT_BLOCK, MOST_IN_ONE_BLOCK = 34, 100
# onnxruntime sums floats in another order.
MOST_DIFFERENCE = 1e-6


def main():
    for trees, leaves in SIZES:
        name = name_of(trees, leaves)
        folder = ROOT / name
        if not folder.exists():
            sys.exit(f"{folder} is not there: benches/compare/kernel/run train")
        rows = np.fromfile(folder / "rows.f32", "<f4").reshape(ROWS, -1)
        expected = np.fromfile(folder / "expected.f64", "<f8")
        for contender, made in (("onnxruntime", onnxruntime_scores), ("lleaves", lleaves_scores)):
            for batch in BATCHES:
                predict, of = made(folder, trees, batch)
                batches = np.split(rows.astype(of), ROWS // batch)
                prove(contender, name, predict, batches, expected)
                print("kernel", contender, name, batch, f"{time_per_row(predict, batches):.1f}", flush=True)


def onnxruntime_scores(folder, _trees, _batch):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / "model.onnx", options)
    (given,) = session.get_inputs()
    outputs = ["probabilities"]
    return lambda batch: session.run(outputs, {given.name: batch})[0][:, 1], np.float32


def lleaves_scores(folder, trees, batch):
    # Trees are compiled in blocks that fit the instruction cache; for single rows its documentation advises one block
    # of all, which with 500 trees takes the compiler many minutes.
    block = trees if batch == 1 and trees <= MOST_IN_ONE_BLOCK else DEFAULT_BLOCK
    model = lleaves.Model(folder / "model.txt")
    # Kept, because with the default blocks the largest forest takes minutes too.
    model.compile(cache=folder / f"lleaves-{block}.o", fblocksize=block)
    return lambda batch: model.predict(batch, n_jobs=1), np.float64


def prove(contender, name, predict, batches, expected):
    scores = np.concatenate([predict(batch) for batch in batches])
    difference = np.abs(scores - expected).max()
    if not difference <= MOST_DIFFERENCE:
        sys.exit(f"{contender} differs from LightGBM by {difference:.2g} on {name}")


def time_per_row(predict, batches):
    """Nanoseconds, the median of the repetitions; each takes whole turns through the rows."""
    times = []
    for _ in range(REPETITIONS):
        rows, start = 0, time.perf_counter()
        while (now := time.perf_counter()) - start < SECONDS:
            for batch in batches:
                predict(batch)
            rows += ROWS
        times.append((now - start) / rows * 1e9)
    return statistics.median(times)


if __name__ == "__main__":
    main()
