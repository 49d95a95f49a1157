"""Rounds of runs, and what becomes of a run that fails."""

from collections import Counter

from progress import say

# It is not the contender then: the broker is gone, or the machine is full.
MOST_LOST_IN_A_ROW = 3
# Of one variant: each of its tries may take minutes.
MOST_LOST_ROUNDS = 2


def turns(rounds_of):
    """(round, variant) of variants and how many rounds each has. In a round every variant has its turn, and each time
    another is the first."""
    for number in range(1, max(rounds_of.values(), default=0) + 1):
        variants = [variant for variant, rounds in rounds_of.items() if rounds >= number]
        first = (number - 1) % len(variants)
        for variant in variants[first:] + variants[:first]:
            yield number, variant


def take(results, rounds_of, labels, run):
    """Gives every variant its turns. `labels(variant)` are what its runs are found by, `run(variant)` their figures
    and a line about them.

    A run that fails is repeated once, and a round goes on without one that fails again; a variant that was lost in two
    rounds has no more turns. RuntimeError where several in a row were lost."""
    lost_in_a_row, lost_rounds = 0, Counter()
    for number, variant in turns(rounds_of):
        if lost_rounds[variant] == MOST_LOST_ROUNDS:
            continue
        named = {"round": number} | labels(variant)
        what = ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
        found = attempt(results, what, lambda variant=variant: run(variant))
        if found:
            lost_in_a_row = 0
            figures, line = found
            results.add(named | figures)
            say(f"{what}: {line}")
            continue
        lost_in_a_row += 1
        lost_rounds[variant] += 1
        if lost_in_a_row == MOST_LOST_IN_A_ROW:
            raise RuntimeError(f"{lost_in_a_row} runs in a row were lost")


def attempt(results, what, run):
    """What `run()` returns, the first time or the second; None if neither time."""
    for lost in (False, True):
        try:
            return run()
        except Exception as error:
            say(f"{what} FAILED, {'and is left out' if lost else 'and is repeated'}: {error}")
            results.fail(what=what, error=str(error), lost=lost)
    return None
