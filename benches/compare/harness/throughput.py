"""Throughput: what a row costs each contender, and how many rows a second come out."""

import subprocess

import contenders
import durations
import programs
from contenders import OURS, Settings
from drain import drain
from places import COMPARE
from rounds import attempt, take

# The shipped defaults are the headline.
HEADLINE, EXACTLY_ONCE = "lz4", "lz4, exactly once"
MODES = {
    HEADLINE: Settings(),
    "none": Settings(compression="none"),
    EXACTLY_ONCE: Settings().exactly_once(),
}


def rounds_of(extent, taking_part):
    """All contenders with the shipped defaults, and what is asked of ours beside them, have the most rounds."""
    return {
        (mode, contender): extent.rounds
        if mode == HEADLINE or (mode, contender) == (EXACTLY_ONCE, OURS)
        else extent.few_rounds
        for mode in MODES
        for contender in taking_part
    }


def expected(extent, taking_part):
    runs = durations.of_rounds(rounds_of(extent, taking_part), lambda variant: durations.drain(variant[1], extent.rows))
    return durations.load(extent.rows) + runs


def measure(bench, results):
    rows = bench.extent.rows
    results.note(input_bytes=sum(map(len, bench.rows)) / len(bench.rows))
    results.note(check=attempt(results, "all rows of the sample, Java against the service", lambda: check(bench)))
    topic = bench.backlog(rows)

    def run(variant):
        mode, contender = variant
        figures = drain(bench, contender, MODES[mode], topic, rows)
        return figures, (
            f"{figures['cpu_ns_per_row']:.0f} ns of CPU a row, {figures['rows_per_second']:,.0f} rows/s, "
            f"{figures['core']:.2f} of the core"
        )

    take(results, rounds_of(bench.extent, bench.contenders), lambda v: {"mode": v[0], "contender": v[1]}, run)


def check(bench):
    """What the comparison of all predictions for the sample says, Java against the service; it must not fail."""
    if not {contenders.LOOP, contenders.STREAMS} & set(bench.contenders):
        return None
    command = [COMPARE / "check", bench.programs[programs.SERVICE]]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"the Java contenders say something else than the service:\n{done.stdout}{done.stderr}")
    return " ".join(done.stdout.split())
