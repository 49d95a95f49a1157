"""Rounds of runs, and what becomes of a run that fails."""

import time
from collections import Counter

import cores
from progress import say

# It is not the contender then: the broker is gone, or the machine is full.
MOST_LOST_IN_A_ROW = 3
# Of one variant: each of its tries may take minutes.
MOST_LOST_ROUNDS = 2
# Share of a core's time, the broker's or the contender's, that the hypervisor gave to others in a run.
DISTURBED = 0.03
# Until such a run is repeated, in seconds.
LONGEST_WAIT = 30


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

    A run that was disturbed is repeated once, and the less disturbed one counts. A run that fails is repeated once, and
    a round goes on without one that fails again; a variant that was lost in two rounds has no more turns. RuntimeError
    where several in a row were lost."""
    lost_in_a_row, lost_rounds = 0, Counter()
    for number, variant in turns(rounds_of):
        if lost_rounds[variant] == MOST_LOST_ROUNDS:
            continue
        named = {"round": number} | labels(variant)
        what = ", ".join(f"{name} {value}" for name, value in named.items() if value is not None)
        found = attempt(results, what, lambda variant=variant: less_disturbed(lambda: run(variant)))
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


def less_disturbed(run):
    """Figures and line of the run: of two, where the first was disturbed."""
    first, line = watched(run)
    if first["stolen"] <= DISTURBED:
        return first | {"repeated": False}, line
    cores.wait_for_quiet(DISTURBED, LONGEST_WAIT)
    second, second_line = watched(run)
    if second["stolen"] < first["stolen"]:
        return second | {"repeated": True}, second_line
    return first | {"repeated": False}, line


def watched(run):
    """Figures and line of the run, with the largest share of a core's time that the hypervisor took meanwhile, unless the
    run knows better what of that counts."""
    before, begun = cores.stolen(), time.monotonic()
    figures, line = run()
    lasted = time.monotonic() - begun
    stolen = max(now - before for now, before in zip(cores.stolen(), before)) / lasted
    stolen = figures.get("stolen", stolen)
    if stolen > DISTURBED:
        say(f"DISTURBED: the hypervisor took {stolen:.0%} of a core")
    return figures | {"stolen": stolen}, line


def attempt(results, what, run):
    """What `run()` returns, the first time or the second; None if neither time."""
    for lost in (False, True):
        try:
            return run()
        except Exception as error:
            say(f"{what} FAILED, {'and is left out' if lost else 'and is repeated'}: {error}")
            results.fail(what=what, error=str(error), lost=lost)
    return None
