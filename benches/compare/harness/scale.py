"""Scale: whether a row costs the same with more workers, more partitions and more bytes."""

import contenders
import rows
from contenders import Settings
from drain import drain
from progress import say

WORKERS = [1, 2]
# Rows of 2,000 bytes take a lot of memory.
MOST_BYTES = 800_000_000


def measure(bench):
    runs = []
    count = bench.extent.scale_rows

    def take(of, variants, start):
        for number, value in bench.in_turns(variants):
            run = start(value)
            runs.append({"round": number, "of": of, "value": value[0], "contender": value[1]} | run)
            say(f"round {number}, {of} {value[0]}: {value[1]} {run['cpu_ns_per_row']:.0f} ns of CPU a row")

    topic = bench.backlog(count)
    workers = [(workers, contenders.OURS) for workers in WORKERS]
    take("workers", workers, lambda v: drain(bench, v[1], Settings(workers=v[0]), topic, count))
    bench.forget(topic)

    both = [name for name in (contenders.OURS, contenders.PASS_THROUGH) if name in bench.contenders]
    topics = {partitions: bench.backlog(count, partitions=partitions) for partitions in bench.extent.partitions}
    variants = [(partitions, name) for partitions in bench.extent.partitions for name in both]
    take("partitions", variants, lambda v: drain(bench, v[1], Settings(), topics[v[0]], count, v[0]))
    bench.forget(*topics.values())

    counts = {size: min(count, MOST_BYTES // size) for size in bench.extent.row_bytes}
    topics = {}
    for size in bench.extent.row_bytes:
        lines = rows.of_size(bench.rows, size, bench.programs["service"])
        topics[size] = bench.backlog(counts[size], lines)
    variants = [(size, name) for size in bench.extent.row_bytes for name in both]
    take("bytes", variants, lambda v: drain(bench, v[1], Settings(), topics[v[0]], counts[v[0]]))
    bench.forget(*topics.values())
    return {"runs": runs}
