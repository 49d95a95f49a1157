"""Training the airline model with H2O, and scoring rows with it."""

import csv
import gzip
import os
import shutil
import socket
import sys
import tempfile
import warnings

import h2o
import numpy as np
from h2o.estimators import H2OGradientBoostingEstimator

from schema import ALWAYS_MISSING, CATEGORICAL, COLUMNS, FEATURES, MISSING, TARGET

# The max-F1 threshold the model is served with. H2O with three processors finds the double just
# below it, 0.4451757662364424; with other numbers it finds others, see start().
THRESHOLD = 0.44517576623644245
LABELS = ["NO", "YES"]


def start():
    """Starts a private H2O.

    The number of processors is fixed because H2O splits its data by it. The trees are
    the same with 1, 2, 3, 4 and 8, but H2O approximates the ROC curve with 400 bins that are
    filled chunk by chunk, and so the max-F1 threshold moves in the third digit and the AUC in
    the fifth.
    """
    h2o.init(
        ip="127.0.0.1",
        port=free_port(),
        name=f"airline-gbm-{os.getpid()}",
        nthreads=3,
        jvm_custom_args=["-XX:ActiveProcessorCount=3"],
        max_mem_size="2G",
        bind_to_localhost=True,
        start_h2o=True,
        verbose=False,
    )
    h2o.no_progress()


def free_port():
    """A port that is free and whose neighbour is too: H2O takes both."""
    for port in range(54421, 55421, 2):
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port
    sys.exit("no free port for H2O")


def stop():
    h2o.cluster().shutdown()


def train(path):
    """Trains on the file and returns (model, frame)."""
    with tempfile.TemporaryDirectory() as folder:
        if not path.endswith(".gz"):
            # A plain file would be split into other chunks; see start().
            packed = os.path.join(folder, "rows.csv.gz")
            with open(path, "rb") as plain, gzip.open(packed, "wb") as out:
                shutil.copyfileobj(plain, out)
        frame = h2o.import_file(path if path.endswith(".gz") else packed)
    if frame.columns != COLUMNS:
        sys.exit(f"{path}: the header is not that of the on-time data: {frame.columns}")
    for name in FEATURES:
        wanted = "enum" if name in CATEGORICAL else "int"
        if frame.types[name] != wanted:
            sys.exit(f"{path}: H2O reads {name} as {frame.types[name]}, not as {wanted}")
    model = H2OGradientBoostingEstimator(ntrees=10, max_depth=5, seed=1)
    model.train(x=FEATURES, y=TARGET, training_frame=frame)
    return model, frame


def domains_of(model):
    """The ordered values of each categorical feature, as the model numbers them."""
    output = model._model_json["output"]
    return {n: list(d) for n, d in zip(output["names"], output["domains"]) if n in CATEGORICAL}


def init_of(model):
    """What the trees' sum starts from: the log odds of the training rows."""
    return float(model._model_json["output"]["init_f"])


def score_frame(model, frame):
    """[rows, 2] probabilities of NO and YES, with the always-missing features missing.

    H2O fills a column that the frame does not have with missing values.
    """
    fed = frame[[name for name in FEATURES if name not in ALWAYS_MISSING]]
    with warnings.catch_warnings():
        # It warns of the missing columns and of unknown categories; both are meant.
        warnings.simplefilter("ignore")
        table = model.predict(fed).as_data_frame(use_pandas=False)
    if table[0] != ["predict", *LABELS]:
        sys.exit(f"H2O answers with columns {table[0]}")
    scores = np.array([[float(no), float(yes)] for _, no, yes in table[1:]])
    if len(scores) != frame.nrow:
        sys.exit(f"H2O gave {len(scores)} scores for {frame.nrow} rows")
    return scores


def score_rows(model, rows):
    """The same for rows given as dicts of column name to text."""
    fed = [name for name in FEATURES if name not in ALWAYS_MISSING]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "rows.csv")
        with open(path, "w", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(fed)
            for row in rows:
                writer.writerow(["" if row[n] in MISSING else row[n] for n in fed])
        frame = h2o.import_file(
            path,
            header=1,
            sep=",",
            col_types={n: "enum" if n in CATEGORICAL else "numeric" for n in fed},
        )
        missing = [int(n) for n in frame.nacnt()]
    # H2O guesses when it reads a file; make sure that it read what was meant.
    wanted = [sum(row[n] in MISSING for row in rows) for n in fed]
    if frame.nrow != len(rows) or missing != wanted:
        sys.exit(f"H2O read {frame.nrow} rows, missing {missing}; meant {len(rows)}, {wanted}")
    return score_frame(model, frame)
