"""Latency at a given rate, of all contenders with the same settings."""

from contenders import OURS, STREAMS, Settings
from probe import probe
from progress import say

SHIPPED = Settings()
MODES = {
    "linger 5 ms": SHIPPED,
    "linger 0": Settings(linger_ms=0),
    "exactly once, 20 ms": SHIPPED.exactly_once(20),
    "exactly once, 100 ms": SHIPPED.exactly_once(100),
}
# What Kafka Streams does when it is not told otherwise.
STREAMS_DEFAULT = "Streams' own linger and commit interval"
# A run is long, and its figures are those of a hundred thousand rows.
LATENCY_ROUNDS = 3
# Longer than any run.
NO_CHECKPOINT = "no checkpoint"


def measure(bench):
    extent = bench.extent
    bench.need_values()
    variants = [(mode, contender, settings) for mode, settings in MODES.items() for contender in bench.contenders]
    if STREAMS in bench.contenders:
        variants.append((STREAMS_DEFAULT, STREAMS, Settings(linger_ms=100, interval_ms=30_000)))
    if OURS in bench.contenders:
        variants.append((NO_CHECKPOINT, OURS, Settings(interval_ms=3_600_000)))
    runs = []
    for number, (mode, contender, settings) in bench.in_turns(variants, min(extent.rounds, LATENCY_ROUNDS)):
        report = probe(bench, contender, settings, extent.warm_up, extent.seconds)
        del report["intervals"]
        runs.append({"round": number, "mode": mode, "contender": contender} | report)
        figures = report["milliseconds"]
        say(
            f"round {number}, {mode}: {contender} p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f}, "
            f"p99.9 {figures['p99.9']:.1f}, max {figures['max']:.1f}; "
            f"sent late by {report['sent_late_milliseconds']['p99']:.1f} ms (p99)"
        )
    return {"runs": runs}
