"""Tunables: ours with one thing changed at a time, on the shipped defaults: a property of librdkafka, the allocator, or
how it was built."""

from pathlib import Path

import durations
import programs
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
        "queue.buffering.max.messages": [1_500, 20_000],
    },
    "consumer": {
        "fetch.queue.backoff.ms": [1, 1_000],
        "queued.min.messages": [5_000, 100_000],
        "check.crcs": ["true"],
    },
}


# In place of glibc's, where they are installed: packages of Debian, by the name of the library in them.
ALLOCATORS = {"jemalloc": "libjemalloc.so.2", "mimalloc": "libmimalloc.so.2"}
LIBRARIES = Path("/usr/lib")
# Profiles for cargo's release build: the image's, `dist`.
BUILDS = {"lto = fat": {"lto": "fat"}}


def build():
    """The services that are built in another way, by what is changed."""
    return {name: programs.build_service(f"{number}", profile) for number, (name, profile) in enumerate(BUILDS.items())}


def variants():
    """Settings by what is changed."""
    found = {SHIPPED: Settings()}
    for section, properties in TRIED.items():
        for name, values in properties.items():
            variable = f"SCORER_KAFKA__{section}__{name.replace('.', '_')}".upper()
            for value in values:
                found[f"{name} = {value}"] = Settings(environment=((variable, str(value)),))
    for name, library in ALLOCATORS.items():
        for path in LIBRARIES.glob(f"*/{library}"):
            found[f"allocator = {name}"] = Settings(environment=(("LD_PRELOAD", str(path)),))
    return found | {name: Settings(program=name) for name in BUILDS}


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
