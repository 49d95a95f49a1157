"""A run in which a contender works off a backlog, and what a row took of the processor meanwhile."""

import time

import contenders
import cores
from progress import say

SAMPLED_EVERY = 0.05
# Slower than this is not slow, but stuck.
ROWS_A_SECOND = 20_000
# Share of the core that others may have before it is said.
DISTURBED = 0.05
# Records of each partition whose bytes are compared with those of the first contender.
COMPARED = 200


def drain(bench, contender, settings, topic, rows, partitions=10):
    """One contender on a topic of so many rows. The figures are those of the second half of the rows: from when half
    the outputs are in the log until all are."""
    with bench.cluster.topic("Output", partitions) as output:
        run = drained(bench, contender, settings, topic, output, rows, partitions)
        bench.compare(contender, topic, output, partitions, run)
    return run


def drained(bench, contender, settings, topic, output, rows, partitions):
    cluster = bench.cluster
    group = cluster.group()
    samples, resident = [], []
    work = cores.work()
    busy, _ = cores.busy(cores.CONTENDER)
    with bench.start(contender, settings, group, topic, output) as process:
        deadline = process.spawned + 60 + rows / ROWS_A_SECOND
        while True:
            begun = time.monotonic()
            before = process.cpu()
            # What Kafka writes at the end of a transaction counts as well: one record in ten thousand.
            done = min(cluster.end(output, partitions), rows)
            samples.append((done, time.monotonic(), (before + process.cpu()) / 2))
            now, peak = process.memory()
            resident.append(now if 2 * done >= rows else 0)
            if done == rows and (not settings.is_exactly_once or cluster.committed(group, topic, partitions) == rows):
                break
            if begun > deadline:
                raise RuntimeError(f"{contender}: {done} of {rows} rows after a long time\n{process.tail()}")
            time.sleep(max(0.0, begun + SAMPLED_EVERY - time.monotonic()))
        busy = cores.busy(cores.CONTENDER)[0] - busy
        lasted, own = time.monotonic() - process.spawned, process.cpu()
    half_time, half_cpu = at(samples, rows / 2)
    _, end_time, end_cpu = samples[-1]
    seconds = end_time - half_time
    run = {
        "rows": rows,
        "counted_rows": rows - rows // 2,
        "counted_seconds": seconds,
        # They come by time: as many as a time of this length has, whether a short one happens to meet one or not.
        "checkpoints": seconds * 1e3 / settings.interval_ms,
        "cpu_ns_per_row": (end_cpu - half_cpu) * 1e9 / (rows / 2),
        "rows_per_second": rows / 2 / seconds,
        # A whole core is 1: less means that it waited for the broker.
        "core": (end_cpu - half_cpu) / seconds,
        "same_work_ms": work,
        # Of the core's time in the whole run: what other processes than the contender had.
        "others": max(0.0, busy - own) / lasted,
        "resident_bytes": max(resident),
        "peak_bytes": peak,
    }
    if run["others"] > DISTURBED:
        say(f"DISTURBED: others had {run['others']:.0%} of the core")
    return run


def at(samples, rows):
    """When, and after how much processor time, so many rows were done: between two samples, as if evenly."""
    for (rows_0, time_0, cpu_0), (rows_1, time_1, cpu_1) in zip(samples, samples[1:]):
        if rows_0 < rows <= rows_1:
            share = (rows - rows_0) / (rows_1 - rows_0)
            return time_0 + share * (time_1 - time_0), cpu_0 + share * (cpu_1 - cpu_0)
    raise RuntimeError("all rows were done before the first look: take more")


def make_values(bench, topic, rows, partitions=10):
    """Writes real outputs of the service for the pass-through, from the middle of the backlog on."""
    cluster = bench.cluster
    each = min(2_000, rows // partitions // 4)
    with cluster.topic("Output", partitions) as output:
        with bench.start(contenders.OURS, contenders.Settings(), cluster.group(), topic, output) as process:
            deadline = process.spawned + 60 + rows / ROWS_A_SECOND
            while cluster.end(output, partitions) < rows:
                process.check()
                if time.monotonic() > deadline:
                    raise RuntimeError(f"the service does not get on\n{process.tail()}")
                time.sleep(SAMPLED_EVERY)
        read = cluster.read(output, each, partitions, offset=rows // partitions // 2)
    with open(contenders.VALUES, "wb") as file:
        for records in read.values():
            file.writelines(value + b"\n" for _, value, _ in records)
