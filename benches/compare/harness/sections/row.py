"""Nanoseconds a row of the parts around the trees."""

from figures import by_round, spread
from table import shown, table
from verdict import Verdict

# Nanoseconds.
TARGETS = {"decode": 150, "encode": 200}


def show(result):
    rows, verdicts = [], []
    for what in dict.fromkeys(run["what"] for run in result["runs"]):
        took = spread(by_round(result["runs"], lambda run: run["nanoseconds"], what=what))
        rows.append([what, shown(took)])
        # The target of encoding is that of JSON.
        if what in ("decode", "encode", "encode-json"):
            verdicts.append(Verdict("row", what, took, " ns", TARGETS[what.split("-")[0]]))
    return table(["of a row", ">ns"], rows), verdicts
