"""Scale: whether a row costs the same with more workers, more partitions and more bytes."""

import durations
import rows
from contenders import OURS, PASS_THROUGH, Settings
from drain import drain
from rounds import take

WORKERS = [1, 2]
# Rows of 2,000 bytes take a lot of memory.
MOST_BYTES = 800_000_000


def counts(extent):
    """Rows by their size."""
    return {size: min(extent.scale_rows, MOST_BYTES // size) for size in extent.row_bytes}


def both(taking_part):
    return [name for name in (OURS, PASS_THROUGH) if name in taking_part]


def variants(extent, taking_part):
    """(value, contender) of each thing that is changed."""
    return {
        "workers": [(workers, OURS) for workers in WORKERS],
        "partitions": [(partitions, name) for partitions in extent.partitions for name in both(taking_part)],
        "bytes": [(size, name) for size in extent.row_bytes for name in both(taking_part)],
    }


def expected(extent, taking_part):
    seconds = (1 + len(extent.partitions)) * durations.load(extent.scale_rows)
    seconds += sum(map(durations.load, counts(extent).values()))
    for of, changed in variants(extent, taking_part).items():
        for value, contender in changed:
            count = counts(extent)[value] if of == "bytes" else extent.scale_rows
            seconds += extent.few_rounds * durations.drain(contender, count)
    return seconds


def measure(bench, results):
    extent = bench.extent
    count, sized = extent.scale_rows, counts(extent)
    changed = variants(extent, bench.contenders)

    def turns(of, run):
        def described(variant):
            figures = run(*variant)
            return figures, f"{figures['cpu_ns_per_row']:.0f} ns of CPU a row"

        take(
            results,
            dict.fromkeys(changed[of], extent.few_rounds),
            lambda variant: {"of": of, "value": variant[0], "contender": variant[1]},
            described,
        )

    topic = bench.backlog(count)
    turns("workers", lambda workers, name: drain(bench, name, Settings(workers=workers), topic, count))
    bench.forget(topic)

    topics = {partitions: bench.backlog(count, partitions=partitions) for partitions in extent.partitions}
    turns("partitions", lambda number, name: drain(bench, name, Settings(), topics[number], count, number))
    bench.forget(*topics.values())

    topics = {}
    for size, of_size in sized.items():
        topics[size] = bench.backlog(of_size, rows.of_size(bench.rows, size, bench.programs["service"]))
    turns("bytes", lambda size, name: drain(bench, name, Settings(), topics[size], sized[size]))
    bench.forget(*topics.values())
