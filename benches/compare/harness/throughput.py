"""Throughput: what a row costs each contender, and how many rows a second come out."""

from contenders import Settings
from drain import drain
from progress import say

# The shipped defaults are the headline.
MODES = {
    "lz4": Settings(),
    "none": Settings(compression="none"),
    "lz4, exactly once": Settings().exactly_once(),
}


def measure(bench):
    rows = bench.extent.rows
    topic = bench.backlog(rows)
    variants = [(mode, contender) for mode in MODES for contender in bench.contenders]
    runs = []
    for number, (mode, contender) in bench.in_turns(variants):
        run = drain(bench, contender, MODES[mode], topic, rows)
        runs.append({"round": number, "mode": mode, "contender": contender} | run)
        say(
            f"round {number}, {mode}: {contender} {run['cpu_ns_per_row']:.0f} ns of CPU a row, "
            f"{run['rows_per_second']:,.0f} rows/s, {run['core']:.2f} of the core"
        )
    bench.forget(topic)
    return {"runs": runs, "input_bytes": sum(map(len, bench.rows)) / len(bench.rows)}
