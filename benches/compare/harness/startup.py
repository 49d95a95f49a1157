"""Start: from the start of the process to the first output of a waiting backlog, and the parts of it."""

import datetime
import json
import subprocess
import time

from confluent_kafka import Consumer

import cores
import durations
import programs
from contenders import OURS, Settings
from places import MODELS
from rounds import take

PATIENCE = 60
# A consumer that only joins, and a process that only tells its version: what is taken off the others.
JOIN, VERSION = "a bare join", "--version"
# Of a process that reads a model and ends.
CHECK_SECONDS = 0.2


def measured(taking_part):
    """What is started: (what, contender or model)."""
    starts = [("first output", contender) for contender in taking_part] + [(JOIN, None)]
    return starts + [(VERSION, None)] + [("model", model) for model in MODELS]


def rounds_of(extent, taking_part):
    return dict.fromkeys(measured(taking_part), extent.rounds)


def expected(extent, taking_part):
    starts = sum(durations.AROUND[contender] + 1 for contender in taking_part)
    processes = (1 + len(MODELS)) * CHECK_SECONDS
    return durations.load(extent.backlog_rows) + extent.rounds * (starts + 1 + processes)


def measure(bench, results):
    topic = bench.backlog(bench.extent.backlog_rows)

    def labels(variant):
        what, of = variant
        return {
            "what": what,
            "contender": of if what == "first output" else None,
            "model": of.stem if what == "model" else None,
        }

    def run(variant):
        what, of = variant
        if what == "first output":
            figures = start(bench, of, topic)
        elif what == JOIN:
            figures = {"join_ms": join(bench, topic)}
        else:
            figures = {"process_ms": process(bench, ["model", "check", of] if of else [VERSION])}
        return figures, ", ".join(f"{name.removesuffix('_ms')} {value:.0f} ms" for name, value in figures.items())

    take(results, rounds_of(bench.extent, bench.contenders), labels, run)


def process(bench, arguments):
    """Milliseconds of a process of the service that ends by itself."""
    command = cores.pinned(cores.CONTENDER, [bench.programs[programs.SERVICE], *arguments])
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1e3


def start(bench, contender, topic):
    """Milliseconds since the process was spawned."""
    cluster = bench.cluster
    with cluster.topic("Output") as output:
        reader = cluster.reader(output)
        try:
            # Its fetches wait at the broker before there is anything to be fetched.
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                reader.poll(0.1)
            with bench.start(contender, Settings(), cluster.group(), topic, output) as running:
                run = {"first_output_ms": (first_output(reader, running) - running.spawned) * 1e3}
        finally:
            reader.close()
    return run | (told(running) if contender == OURS else {})


def first_output(reader, running):
    """When the reader had it."""
    while (message := reader.poll(0.1)) is None:
        running.check()
        if time.monotonic() > running.spawned + PATIENCE:
            raise RuntimeError(f"no output after {PATIENCE} s\n{running.tail()}")
    first = time.monotonic()
    if message.error():
        raise RuntimeError(f"cannot read the output: {message.error()}")
    return first


def told(running):
    """What the service's log says of its start, in milliseconds since it was spawned."""
    found = {}
    wanted = {"the model is proven": "proven_ms", "partitions assigned": "assigned_ms"}
    for line in running.log.read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if name := wanted.get(event.get("message")):
            at = datetime.datetime.fromisoformat(event["timestamp"]).timestamp()
            found.setdefault(name, (at - running.spawned_at) * 1e3)
    return found


def join(bench, topic):
    """Milliseconds from making a bare consumer until it is given its partitions."""
    with cores.everywhere():
        begun = time.monotonic()
        consumer = Consumer(
            {
                "bootstrap.servers": bench.cluster.servers,
                "group.id": bench.cluster.group(),
                "partition.assignment.strategy": "cooperative-sticky",
                "enable.auto.commit": False,
            }
        )
        assigned = []
        consumer.subscribe([topic], on_assign=lambda *_: assigned.append(time.monotonic()))
        while not assigned and time.monotonic() < begun + PATIENCE:
            consumer.poll(0.01)
        consumer.close()
    if not assigned:
        raise RuntimeError(f"a bare consumer of {topic} has no partitions after {PATIENCE} s")
    return (assigned[0] - begun) * 1e3
