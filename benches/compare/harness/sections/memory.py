"""Resident memory at full throughput and at a given rate."""

import contenders
from figures import by_round, spread
from table import shown, table
from verdict import Verdict

# Megabytes of a worker.
TARGETS = {"full": 128, "rate": 40}
RATE_OF_THE_TARGET = 5_000


def show(result):
    runs = result["runs"]
    rate = result["extent"]["rate"]
    what = {"full": "at full throughput", "rate": f"at {rate:,} rows/s"}

    def megabytes(contender, at, field):
        return spread(by_round(runs, lambda run: run[field] / 1e6, contender=contender, at=at))

    rows = [
        [
            contender,
            *(shown(megabytes(contender, at, field)) for at in TARGETS for field in ("resident_bytes", "peak_bytes")),
        ]
        for contender in contenders.ALL
        if megabytes(contender, "full", "peak_bytes")
    ]
    head = ["contender", *(f">MB {what[at]}{peak}" for at in TARGETS for peak in ("", ", peak"))]
    verdicts = [
        Verdict("memory", f"resident {what[at]}, peak", megabytes(contenders.OURS, at, "peak_bytes"), " MB", target)
        for at, target in TARGETS.items()
        if megabytes(contenders.OURS, at, "peak_bytes") and (at == "full" or rate == RATE_OF_THE_TARGET)
    ]
    return table(head, rows), verdicts
