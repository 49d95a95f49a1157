"""Throughput: what a row costs each contender, and how many rows a second come out."""

import subprocess

import contenders
import programs
from contenders import Settings
from drain import drain
from places import COMPARE
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
    return {"runs": runs, "check": check(bench), "input_bytes": sum(map(len, bench.rows)) / len(bench.rows)}


def check(bench):
    """What the comparison of all predictions for the sample says, Java against the service; it must not fail."""
    if not {contenders.LOOP, contenders.STREAMS} & set(bench.contenders):
        return None
    command = [COMPARE / "check", bench.programs[programs.SERVICE]]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the Java contenders say something else than the service:\n{done.stdout}{done.stderr}")
    return " ".join(done.stdout.split())
