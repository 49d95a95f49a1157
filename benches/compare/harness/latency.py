"""Latency at a given rate, with the same settings for all contenders."""

import durations
from contenders import LOOP, OURS, PASS_THROUGH, STREAMS, Settings
from probe import probe
from rounds import take

SHIPPED = "linger 5 ms"
MODES = {
    SHIPPED: Settings(),
    "linger 0": Settings(linger_ms=0),
    "exactly once, 20 ms": Settings().exactly_once(20),
    "exactly once, 100 ms": Settings().exactly_once(100),
}
# The linger and the interval of commits are those that Kafka Streams has when it is told neither, nothing else is.
STREAMS_INTERVALS = "linger 100 ms, commits each 30 s"
# Longer than any run.
NO_CHECKPOINT = "linger 5 ms, no checkpoint"
OTHER_MODES = {
    STREAMS_INTERVALS: (STREAMS, Settings(linger_ms=100, interval_ms=30_000)),
    NO_CHECKPOINT: (OURS, Settings(interval_ms=3_600_000)),
}


def variants(taking_part):
    """Settings by mode and contender: Java takes part with the shipped defaults."""
    found = {
        (mode, contender): settings
        for mode, settings in MODES.items()
        for contender in (OURS, PASS_THROUGH, LOOP, STREAMS)
        if contender in taking_part and (mode == SHIPPED or contender in (OURS, PASS_THROUGH))
    }
    others = {(mode, contender): settings for mode, (contender, settings) in OTHER_MODES.items()}
    return found | {variant: settings for variant, settings in others.items() if variant[1] in taking_part}


def rounds_of(extent, taking_part):
    """Those of which something is asked have the most rounds."""
    return {
        (mode, contender): extent.few_rounds if mode == SHIPPED and contender in (LOOP, STREAMS) else extent.rounds
        for mode, contender in variants(taking_part)
    }


def warm_up(extent, contender):
    return extent.java_warm_up if contender in (LOOP, STREAMS) else extent.warm_up


def expected(extent, taking_part):
    runs = durations.of_rounds(
        rounds_of(extent, taking_part),
        lambda variant: durations.probe(variant[1], warm_up(extent, variant[1]) + extent.seconds),
    )
    return durations.probe(OURS, extent.broker_seconds) + runs


def measure(bench, results):
    extent = bench.extent
    settings = variants(bench.contenders)
    # Many small requests are another thing to the broker's compilers than a backlog.
    probe(bench, OURS, Settings(), 0, extent.broker_seconds)

    def run(variant):
        _, contender = variant
        report = probe(
            bench,
            contender,
            settings[variant],
            warm_up(extent, contender),
            extent.most_seconds,
            every=1,
            quiet=extent.seconds,
        )
        del report["intervals"]
        figures = report["milliseconds"]
        return report, (
            f"p50 {figures['p50']:.1f} ms, p99 {figures['p99']:.1f}, p99.9 {figures['p99.9']:.1f}, "
            f"max {figures['max']:.1f}; sent late by {report['sent_late_milliseconds']['p99']:.1f} ms (p99)"
        )

    take(results, rounds_of(extent, bench.contenders), lambda v: {"mode": v[0], "contender": v[1]}, run)
