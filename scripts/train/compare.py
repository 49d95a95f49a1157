"""Scores a file with H2O and with flight-delay-scorer, and compares to the last bit.

    compare.py allyears2k_headers.csv.gz [flight-delay-scorer binary] [--save-h2o FILE]

H2O trains the model anew on the file. Ends with 1 when a label differs, when P(YES) differs
by more than one unit in the last place, or when P(NO) is not 1 - P(YES) to the last bit. (One
unit of P(YES) can be two of P(NO), whose units are smaller below one half.)

With --save-h2o, H2O's `label,p_no,p_yes` of every row go to FILE; if there is no binary then,
that is all that is done.
"""

import argparse
import gzip
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import h2o_model

ROOT = Path(__file__).resolve().parents[2]
ALLOWED_ULP = 1


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", help="on-time rows with a header line, plain or gzipped")
    parser.add_argument(
        "binary",
        nargs="?",
        default=str(ROOT / "target" / "release" / "flight-delay-scorer"),
        help="default: %(default)s",
    )
    parser.add_argument("--save-h2o", metavar="FILE", help="write H2O's scores here")
    arguments = parser.parse_args()

    scoring = Path(arguments.binary).exists()
    if not (scoring or arguments.save_h2o):
        sys.exit(f"{arguments.binary} does not exist: build it, or name another")

    wanted_labels, wanted = by_h2o(arguments.file)
    if arguments.save_h2o:
        with open(arguments.save_h2o, "w") as out:
            for label, (no, yes) in zip(wanted_labels, wanted.tolist()):
                out.write(f"{label},{no!r},{yes!r}\n")
        print(f"{arguments.save_h2o}: {len(wanted)} scores of H2O")
    if not scoring:
        return

    labels, got = by_scorer(arguments.binary, arguments.file)
    if not len(got):
        sys.exit("no rows")
    if len(got) != len(wanted):
        sys.exit(f"H2O scored {len(wanted)} rows, flight-delay-scorer {len(got)}")
    yes, wanted_yes = got[:, 1].copy(), wanted[:, 1].copy()
    ulp = np.abs(yes.view(np.int64) - wanted_yes.view(np.int64))
    other_labels = np.flatnonzero(labels != wanted_labels)
    loose = np.flatnonzero(got[:, 0] != 1 - yes)
    print(
        f"rows: {len(ulp)}\n"
        f"rows that differ: {np.count_nonzero(ulp)}\n"
        f"largest difference: {ulp.max()} ulp, {np.abs(got - wanted).max():.2g}\n"
        f"labels that differ: {len(other_labels)}\n"
        f"rows where P(NO) is not 1 - P(YES): {len(loose)}"
    )
    wrong = [*np.flatnonzero(ulp > ALLOWED_ULP), *other_labels, *loose]
    if wrong:
        worst = wrong[0]
        print(
            f"row {worst + 1}: H2O {wanted_labels[worst]} {wanted[worst].tolist()}, "
            f"flight-delay-scorer {labels[worst]} {got[worst].tolist()}",
            file=sys.stderr,
        )
        sys.exit(1)


def by_h2o(path):
    h2o_model.start()
    try:
        model, frame = h2o_model.train(path)
        scores = h2o_model.score_frame(model, frame)
    finally:
        h2o_model.stop()
    assert (scores[:, 0] == 1 - scores[:, 1]).all()
    return np.where(scores[:, 1] >= h2o_model.THRESHOLD, "YES", "NO"), scores


def by_scorer(binary, path):
    with tempfile.TemporaryDirectory() as folder:
        if path.endswith(".gz"):
            plain = str(Path(folder) / "rows.csv")
            with gzip.open(path) as packed, open(plain, "wb") as out:
                shutil.copyfileobj(packed, out)
            path = plain
        command = [binary, "score", "--format", "csv", path]
        # Its own messages, of rows it cannot score, go to the terminal.
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}")
    rows = [line.split(",") for line in done.stdout.splitlines()]
    for number, row in enumerate(rows, 1):
        if len(row) != 3:
            sys.exit(f"line {number} of flight-delay-scorer is not label,p_no,p_yes: {row}")
    labels = np.array([row[0] for row in rows])
    return labels, np.array([[float(no), float(yes)] for _, no, yes in rows]).reshape(-1, 2)


if __name__ == "__main__":
    main()
