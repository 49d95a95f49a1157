"""Tunables: ours with one librdkafka property changed at a time, on the shipped defaults."""

from contenders import OURS, Settings
from drain import drain
from progress import say

SHIPPED = "as shipped"
# There are many variants.
TUNE_ROUNDS = 3
# By section of the settings: property and values.
TRIED = {
    "producer": {
        "linger.ms": [0, 1, 20, 100],
        "batch.size": [65_536, 1_000_000],
        "compression.type": ["none", "snappy", "zstd"],
        "queue.buffering.max.messages": [5_000, 100_000],
    },
    "consumer": {
        "fetch.queue.backoff.ms": [1, 100, 1_000],
        "queued.min.messages": [5_000, 100_000],
        "fetch.wait.max.ms": [10],
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


def measure(bench):
    rows = bench.extent.scale_rows
    topic = bench.backlog(rows)
    settings = variants()
    runs = []
    for number, variant in bench.in_turns(settings, min(bench.extent.rounds, TUNE_ROUNDS)):
        run = drain(bench, OURS, settings[variant], topic, rows)
        runs.append({"round": number, "variant": variant} | run)
        say(f"round {number}, {variant}: {run['cpu_ns_per_row']:.0f} ns of CPU a row")
    bench.forget(topic)
    return {"runs": runs}
