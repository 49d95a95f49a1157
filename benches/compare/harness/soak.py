"""Soak: whether memory or latency grow while rows come at a given rate for a long time."""

import durations
from contenders import OURS, Settings
from probe import probe
from progress import say

INTERVALS = 30


def seconds(extent):
    return round(extent.soak_minutes * 60)


def expected(extent, _taking_part):
    return durations.probe(OURS, extent.warm_up + seconds(extent))


def measure(bench, results):
    """One run, and not repeated: that it fails in half an hour is a figure too."""
    extent = bench.extent
    # A minute in a soak of half an hour.
    every = max(1, seconds(extent) // INTERVALS)
    samples = []

    def watch(process, since):
        samples.append((since, process.memory()[0]))
        if len(samples) % 300 == 0:
            say(f"soak: {len(samples)} s, {samples[-1][1] / 1e6:.1f} MB resident")

    report = probe(bench, OURS, Settings(), extent.warm_up, seconds(extent), every, watch=watch)
    results.note(rate=extent.rate, total=report["milliseconds"], peak_bytes=report["peak_bytes"])
    intervals = []
    for number, figures in enumerate(report["intervals"]):
        start = extent.warm_up + number * every
        resident = [bytes_ for at, bytes_ in samples if start <= at < start + every]
        if resident and figures["rows"]:
            minute = (number + 1) * every / 60
            intervals.append({"minute": minute, "resident_bytes": sum(resident) / len(resident)} | figures)
    results.add(*intervals)
