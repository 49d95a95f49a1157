"""What the items have in common: the broker, the programs, the rows, and how much of everything."""

import json
import math
from dataclasses import dataclass

import contenders
import drain
import programs
import rows

# As Java's exponential function differs from that of C.
LAST_DIGITS = 1e-14


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    # Of the shipped defaults against all contenders, and of what takes little time.
    rounds: int
    # Of everything else.
    few_rounds: int
    rows: int
    # Of each topic of the scale item; fewer of large rows.
    scale_rows: int
    partitions: tuple
    row_bytes: tuple
    backlog_rows: int
    # Through the service before anything is measured, for the broker's sake, and at the rate before latency is.
    broker_rows: int
    broker_seconds: int
    warm_up: int
    # Of Java, whose compilers have few rows to learn from at a low rate.
    java_warm_up: int
    # Of latency: those that count, and how many there are at most to choose them from.
    seconds: int
    most_seconds: int
    soak_minutes: float
    rate: int


THOROUGH = Extent(
    rounds=5,
    few_rounds=3,
    rows=3_000_000,
    scale_rows=1_200_000,
    partitions=(1, 10, 30),
    row_bytes=(50, 500, 2_000),
    backlog_rows=200_000,
    broker_rows=1_000_000,
    broker_seconds=60,
    warm_up=5,
    java_warm_up=15,
    seconds=12,
    most_seconds=36,
    soak_minutes=30,
    rate=5_000,
)
# Only to see whether everything works: its figures mean nothing.
QUICK = Extent(
    rounds=1,
    few_rounds=1,
    rows=200_000,
    scale_rows=200_000,
    partitions=(1, 10),
    row_bytes=(50, 2_000),
    backlog_rows=100_000,
    broker_rows=100_000,
    broker_seconds=1,
    warm_up=1,
    java_warm_up=1,
    seconds=2,
    most_seconds=4,
    soak_minutes=0.1,
    rate=5_000,
)


class Bench:
    def __init__(self, cluster, built, taking_part, extent):
        self.cluster, self.programs, self.contenders, self.extent = cluster, built, taking_part, extent
        self.rows = rows.accepted(built[programs.SERVICE])
        self.dead_letters = cluster.create("DeadLetter")
        self.reference = {}
        # The broker reads, writes and is compiled before the first run. What comes out is what the pass-through writes.
        topic = self.backlog(extent.broker_rows)
        drain.make_values(self, topic, extent.broker_rows)
        self.forget(topic)

    def start(self, contender, settings, group, input_topic, output_topic):
        return contenders.start(
            contender,
            settings,
            self.programs,
            self.cluster.servers,
            group,
            input_topic,
            output_topic,
            self.dead_letters,
        )

    def backlog(self, count, lines=None, partitions=10):
        """A topic with so many rows."""
        return self.cluster.load(lines or self.rows, count, partitions)

    def compare(self, contender, topic, output, partitions, run):
        """Adds to the run how many of its first records are not those of ours, byte for byte.

        Raises RuntimeError where one differs by more than the last digits of its probabilities: it does not count."""
        records = self.cluster.read(output, drain.COMPARED, partitions)
        values = [value for of_partition in records.values() for _, value, _ in of_partition]
        run["value_bytes"] = sum(map(len, values)) / len(values)
        if contender == contenders.OURS:
            expected = self.reference.setdefault(topic, records)
        else:
            expected = self.reference.get(topic)
        if expected is None:
            return
        pairs = [pair for partition in records for pair in zip(records[partition], expected[partition], strict=True)]
        if contender == contenders.PASS_THROUGH:
            # Its values are others by design.
            pairs = [((a[0], a[2]), (b[0], b[2])) for a, b in pairs]
        different = [(theirs, ours) for theirs, ours in pairs if theirs != ours]
        run["compared_records"], run["different_records"] = len(pairs), len(different)
        for theirs, ours in different:
            if contender == contenders.PASS_THROUGH or not alike(theirs, ours):
                raise RuntimeError(f"{contender} writes something else than the service:\n{theirs}\n{ours}")

    def forget(self, *topics):
        for topic in topics:
            self.reference.pop(topic, None)
        self.cluster.delete(*topics)


def alike(theirs, ours):
    """Whether two records differ at most in the last digits of their probabilities."""
    (theirs, value, probabilities), (ours, expected, expected_ones) = parsed(theirs), parsed(ours)
    return (
        theirs == ours
        and value == expected
        and probabilities.keys() == expected_ones.keys()
        and all(
            math.isclose(probabilities[label], expected_ones[label], rel_tol=LAST_DIGITS) for label in probabilities
        )
    )


def parsed(record):
    """Key and timestamp, the value without its probabilities, these."""
    key, value, timestamp = record
    value = json.loads(value)
    return (key, timestamp), value, value.pop("probabilities")
