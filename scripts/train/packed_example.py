"""A small LightGBM model of the bundled flights, the way a notebook would make it.

    packed_example.py FOLDER

writes small.onnx, categories.json for the packer, and expected.csv: line of the sample, and
P(YES) by onnxruntime, from features that pandas made.
"""

import csv
import json
import sys
from pathlib import Path

import lightgbm
import numpy as np
import onnxmltools
import onnxruntime
import pandas
from onnxmltools.convert.common.data_types import FloatTensorType

from schema import COLUMNS

SAMPLE = Path(__file__).resolve().parents[2] / "src" / "sample" / "flights.csv"
FEATURES = ["DayOfWeek", "CRSDepTime", "UniqueCarrier", "Origin", "Dest", "Distance"]
TEXT = ["UniqueCarrier", "Origin", "Dest"]
# The sample has rows that are broken on purpose.
BROKEN = [100, 500, 900, 1300, 1700]


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    skipped = [line - 1 for line in BROKEN]
    # One of them opens a quote that nothing closes.
    quoting = csv.QUOTE_NONE
    flights = pandas.read_csv(SAMPLE, names=COLUMNS, skiprows=skipped, quoting=quoting)
    lines = np.delete(np.arange(1, len(flights) + len(BROKEN) + 1), skipped)

    # One category of each is kept back, as if it came up later.
    values, x = {}, flights[FEATURES].copy()
    for name in TEXT:
        values[name] = sorted(flights[name].dropna().unique())[:-1]
        x[name] = flights[name].map({value: at for at, value in enumerate(values[name])})
    x = x.to_numpy(np.float32)
    model = lightgbm.LGBMClassifier(
        n_estimators=12, num_leaves=7, verbose=-1, n_jobs=1, deterministic=True
    )
    model.fit(x, flights["IsDepDelayed"])

    inputs = [("features", FloatTensorType([None, len(FEATURES)]))]
    proto = onnxmltools.convert_lightgbm(model, "small", inputs, zipmap=False)
    (folder / "small.onnx").write_bytes(proto.SerializeToString())
    names = dict(zip(["carrier", "origin", "dest"], TEXT))
    (folder / "categories.json").write_text(
        json.dumps({name: values[column] for name, column in names.items()})
    )

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(proto.SerializeToString())
    scores = session.run(["probabilities"], {"features": x})[0][:, 1]
    rows = [f"{line},{float(score)!r}\n" for line, score in zip(lines, scores)]
    # Enough of them, the first among them: another year, and airports that are not in the data.
    (folder / "expected.csv").write_text("".join(rows[::9]))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
