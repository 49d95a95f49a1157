"""Soak: whether memory or latency grow while rows come at a given rate for a long time."""

from contenders import OURS, Settings
from figures import slope
from probe import probe
from progress import say

INTERVALS = 30


def measure(bench):
    extent = bench.extent
    bench.need_values()
    seconds = round(extent.soak_minutes * 60)
    # A minute in a soak of half an hour.
    every = max(1, seconds // INTERVALS)
    samples = []

    def watch(process, since):
        samples.append((since, process.memory()[0]))
        if len(samples) % 300 == 0:
            say(f"soak: {len(samples)} s, {samples[-1][1] / 1e6:.1f} MB resident")

    report = probe(bench, OURS, Settings(), extent.warm_up, seconds, every, watch)
    intervals = []
    for number, figures in enumerate(report["intervals"]):
        start = extent.warm_up + number * every
        resident = [bytes_ for at, bytes_ in samples if start <= at < start + every]
        if resident and figures["rows"]:
            intervals.append(
                {"minute": (number + 1) * every / 60, "resident_bytes": sum(resident) / len(resident)} | figures
            )
    if len(intervals) < 2:
        raise RuntimeError(f"too little was seen in {seconds} s to tell a slope")
    return {
        "runs": intervals,
        "rate": extent.rate,
        "total": report["milliseconds"],
        "peak_bytes": report["peak_bytes"],
        # Least squares over all intervals.
        "resident_kb_per_hour": slope([(i["minute"] / 60, i["resident_bytes"] / 1e3) for i in intervals]),
        "p99_ms_per_hour": slope([(i["minute"] / 60, i["p99"]) for i in intervals]),
    }
