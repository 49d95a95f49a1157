"""Memory and latency over time, and their slopes."""

from table import number, table

# Lines of the table, evenly spread.
LINES = 10


def show(result):
    runs = result["runs"]
    minutes = runs[-1]["minute"]
    slopes = [
        ["resident memory", number(result["resident_kb_per_hour"]), "kB an hour"],
        ["p99", number(result["p99_ms_per_hour"]), "ms an hour"],
    ]
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
        f"{number(minutes)} minutes at {result['rate']:,} rows/s, {result['total']['rows']:,} rows; peak "
        f"{number(result['peak_bytes'] / 1e6)} MB resident.",
        table(["line of least squares over all intervals", ">slope", ""], slopes),
        table(["minute", ">MB resident", ">p50 ms", ">p99 ms", ">p99.9 ms", ">max ms"], rows),
    ]
    return "\n\n".join(parts), []
