"""About how long runs take, in seconds: to tell whoever waits what to expect, and for nothing else."""

from contenders import LOOP, OURS, PASS_THROUGH, STREAMS

# Of one core, on a machine that is not fast.
ROWS_A_SECOND = {OURS: 300_000, PASS_THROUGH: 450_000, LOOP: 300_000, STREAMS: 170_000}
LOADED_ROWS_A_SECOND = 200_000
# Topics, the start of the process and its end; Java's also until its first rows are compiled.
AROUND = {OURS: 2, PASS_THROUGH: 2, LOOP: 4, STREAMS: 6}
# Until a broker is there and warm.
BROKER = 20


def drain(contender, rows):
    return AROUND[contender] + rows / ROWS_A_SECOND[contender]


def probe(contender, seconds):
    return AROUND[contender] + 1 + seconds


def load(rows):
    return 1 + rows / LOADED_ROWS_A_SECOND


def of_rounds(rounds_of, seconds):
    """All runs of the variants, each of which takes `seconds(variant)`."""
    return sum(rounds * seconds(variant) for variant, rounds in rounds_of.items())
