"""Start: from the start of the process to the first output of a waiting backlog, and the parts of it."""

import datetime
import json
import subprocess
import time

from confluent_kafka import Consumer

import cores
import programs
from contenders import OURS, Settings
from places import MODELS
from progress import say

PATIENCE = 60


def measure(bench):
    topic = bench.backlog(bench.extent.backlog_rows)
    runs, models = [], []
    for number, contender in bench.in_turns([*bench.contenders, None], bench.extent.starts):
        # Those that have no process of the service in them: the time that only joining takes.
        run = start(bench, contender, topic) if contender else {"first_output_ms": None, "join_ms": join(bench, topic)}
        runs.append({"round": number, "contender": contender or "join"} | run)
        parts = ", ".join(f"{name.removesuffix('_ms')} {value:.0f} ms" for name, value in run.items() if value)
        say(f"round {number}, {contender or 'a bare join'}: {parts}")
    service = bench.programs[programs.SERVICE]
    for number, model in bench.in_turns([None, *MODELS], 2 * bench.extent.starts):
        command = [service, "model", "check", model] if model else [service, "--version"]
        begun = time.perf_counter()
        subprocess.run(cores.pinned(cores.CONTENDER, command), check=True, stdout=subprocess.DEVNULL)
        milliseconds = (time.perf_counter() - begun) * 1e3
        models.append({"round": number, "model": model.stem if model else None, "milliseconds": milliseconds})
    bench.forget(topic)
    return {"runs": runs, "models": models}


def start(bench, contender, topic):
    """Milliseconds since the process was spawned."""
    cluster = bench.cluster
    output, group = cluster.create("Output"), cluster.group()
    reader = cluster.reader(output)
    # Its fetches wait at the broker before there is anything to be fetched.
    until = time.monotonic() + 0.5
    while time.monotonic() < until:
        reader.poll(0.1)
    with bench.start(contender, Settings(), group, topic, output) as process:
        while (message := reader.poll(0.1)) is None:
            process.check()
            if time.monotonic() > process.spawned + PATIENCE:
                raise RuntimeError(f"{contender} has no output after {PATIENCE} s\n{process.tail()}")
        first = time.monotonic()
        if message.error():
            raise RuntimeError(f"cannot read {output}: {message.error()}")
        run = {"first_output_ms": (first - process.spawned) * 1e3}
    reader.close()
    if contender == OURS:
        run |= told(process)
    cluster.delete(output)
    return run


def told(process):
    """What the service's log says of its start, in milliseconds since it was spawned."""
    found = {}
    wanted = {"the model is proven": "proven_ms", "partitions assigned": "assigned_ms"}
    for line in process.log.read_text().splitlines():
        event = json.loads(line) if line.startswith("{") else {}
        if name := wanted.get(event.get("message")):
            at = datetime.datetime.fromisoformat(event["timestamp"]).timestamp()
            found.setdefault(name, (at - process.spawned_at) * 1e3)
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
