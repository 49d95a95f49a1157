"""Nanoseconds a row of the parts around the trees."""

from figures import by_round, spread
from table import rounds, shown, table
from verdict import Verdict

# Nanoseconds; that of encoding is of JSON.
TARGETS = {"decode": 150, "encode": 200}


def show(result):
    rows, verdicts = [], []
    for what in dict.fromkeys(run["what"] for run in result["runs"]):
        took = spread(by_round(result["runs"], lambda run: run["nanoseconds"], what=what))
        rows.append([what, rounds(took), shown(took)])
        verdicts.append(Verdict("row", what, took, " ns", TARGETS.get(what)))
    return table(["of a row", ">rounds", ">ns"], rows), verdicts
