"""Memory, resident: working off a backlog as fast as it goes, and at a given rate."""

from contenders import Settings
from drain import drain
from probe import probe
from progress import say

# It hardly differs from run to run.
MEMORY_ROUNDS = 2


def measure(bench):
    extent = bench.extent
    topic = bench.backlog(extent.rows)
    runs = []
    for number, contender in bench.in_turns(bench.contenders, min(extent.rounds, MEMORY_ROUNDS)):
        full = drain(bench, contender, Settings(), topic, extent.rows)
        rate = probe(bench, contender, Settings(), extent.warm_up, extent.seconds)
        for at, run in (("full", full), ("rate", rate)):
            figures = {name: run[name] for name in ("resident_bytes", "peak_bytes")}
            runs.append({"round": number, "contender": contender, "at": at} | figures)
            say(
                f"round {number}, {contender}, {at}: {run['resident_bytes'] / 1e6:.1f} MB resident, "
                f"{run['peak_bytes'] / 1e6:.1f} at most"
            )
    bench.forget(topic)
    return {"runs": runs}
