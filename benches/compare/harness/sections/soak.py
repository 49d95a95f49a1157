"""Memory and latency over time, and their slopes."""

from figures import slope
from table import number, shown, table
from verdict import Verdict

# Lines of the table, evenly spread.
LINES = 10


def show(result):
    runs = result["runs"]
    growth = {
        "resident memory": (slope([(run["minute"] / 60, run["resident_bytes"] / 1e3) for run in runs]), " kB an hour"),
        "p50": (slope([(run["minute"] / 60, run["p50"]) for run in runs]), " ms an hour"),
        "p99": (slope([(run["minute"] / 60, run["p99"]) for run in runs]), " ms an hour"),
    }
    slopes = [[name, shown(found), unit.strip()] for name, (found, unit) in growth.items()]
    every = max(1, len(runs) // LINES)
    rows = [
        [
            number(run["minute"]),
            number(run["resident_bytes"] / 1e6),
            *(number(run[quantile]) for quantile in ("p50", "p99", "p99.9", "max")),
        ]
        for run in runs[every - 1 :: every]
    ]
    parts = [
        f"{number(runs[-1]['minute'])} minutes at {result['rate']:,} rows/s, {result['total']['rows']:,} rows; p99 of "
        f"all {number(result['total']['p99'])} ms, peak {number(result['peak_bytes'] / 1e6)} MB resident.",
        table(["line of least squares over all intervals, ± two standard errors", ">slope", ""], slopes),
        table(["minute", ">MB resident", ">p50 ms", ">p99 ms", ">p99.9 ms", ">max ms"], rows),
    ]
    what = "slope of {}, and two standard errors to both sides"
    verdicts = [Verdict("soak", what.format(name), found, unit) for name, (found, unit) in growth.items()]
    return "\n\n".join(parts), verdicts
