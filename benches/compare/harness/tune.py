"""Tunables: ours with one librdkafka property changed at a time, on the shipped defaults."""

import durations
from contenders import OURS, Settings
from drain import drain
from rounds import take

SHIPPED = "as shipped"
# By section of the settings: property and values.
TRIED = {
    "producer": {
        "linger.ms": [0, 20, 100],
        "batch.size": [65_536, 1_000_000],
        "compression.type": ["none", "snappy", "zstd"],
        "queue.buffering.max.messages": [5_000, 100_000],
    },
    "consumer": {
        "fetch.queue.backoff.ms": [1, 1_000],
        "queued.min.messages": [5_000, 100_000],
        "check.crcs": ["true"],
    },
}


def variants():
    """Settings by what is changed."""
    found = {SHIPPED: Settings()}
    for section, properties in TRIED.items():
        for name, values in properties.items():
            variable = f"SCORER_KAFKA__{section}__{name.replace('.', '_')}".upper()
            for value in values:
                found[f"{name} = {value}"] = Settings(environment=((variable, str(value)),))
    return found


def rounds_of(extent):
    return dict.fromkeys(variants(), extent.few_rounds)


def expected(extent, _taking_part):
    runs = durations.of_rounds(rounds_of(extent), lambda _: durations.drain(OURS, extent.scale_rows))
    return durations.load(extent.scale_rows) + runs


def measure(bench, results):
    rows = bench.extent.scale_rows
    topic = bench.backlog(rows)
    settings = variants()

    def run(variant):
        figures = drain(bench, OURS, settings[variant], topic, rows)
        return figures, f"{figures['cpu_ns_per_row']:.0f} ns of CPU a row"

    take(results, rounds_of(bench.extent), lambda variant: {"variant": variant}, run)
