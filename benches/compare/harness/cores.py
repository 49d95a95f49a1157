"""Who runs where: a contender has a core to itself, and the broker one that it shares with as little as possible."""

import contextlib
import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
ALL = sorted(os.sched_getaffinity(0))


def siblings(core, processors=Path("/sys/devices/system/cpu")):
    """Processors that are threads of the same core, itself among them, as far as the machine tells."""
    file = processors / f"cpu{core}/topology/thread_siblings_list"
    if not file.exists():
        return {core}
    # Such as 0,4 or 0-1.
    ranges = (part.split("-") for part in file.read_text().strip().split(","))
    return {sibling for ends in ranges for sibling in range(int(ends[0]), int(ends[-1]) + 1)}


def chosen(every, siblings):
    """The broker's, the contender's, and those of what drives a run: threads of one core slow each other down, so no
    two of the three share one as long as there are others."""
    broker = every[0]
    contender = ([core for core in every if core not in siblings(broker)] or every)[-1]
    others = set(every) - {broker, contender}
    return broker, contender, others - siblings(contender) or {broker}


# On two cores only the broker's is left for the harness.
BROKER, CONTENDER, HARNESS = chosen(ALL, siblings)


def pinned(core, command):
    """The command, on that core (or those) with all its threads."""
    cores = {core} if isinstance(core, int) else core
    return ["taskset", "-c", ",".join(map(str, sorted(cores))), *map(str, command)]


def settle():
    """This process, and all threads it starts from now on, stay off the contender's core."""
    os.sched_setaffinity(0, HARNESS)


@contextlib.contextmanager
def on(cores):
    """What runs, and every thread that is started, within uses these cores."""
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        settle()


def everywhere():
    """For work between runs."""
    return on(ALL)


def busy(core):
    """Seconds since the machine's start that the core was not idle, and that the hypervisor gave to others."""
    with open("/proc/stat") as file:
        fields = next(line for line in file if line.startswith(f"cpu{core} ")).split()
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = (int(field) / TICKS for field in fields[1:9])
    return user + nice + system + interrupts + soft, stolen


def stolen():
    """Seconds since the machine's start that the hypervisor gave to others, of the broker's core and the contender's."""
    return [busy(core)[1] for core in (BROKER, CONTENDER)]


def wait_for_quiet(disturbed, seconds):
    """Until the hypervisor takes no more than that share of either core, at most so many seconds. What it would take
    shows only when there is something to do."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and max(map(stolen_while_busy, (BROKER, CONTENDER))) > disturbed:
        time.sleep(10)


def stolen_while_busy(core):
    with on({core}):
        begun, before = time.monotonic(), busy(core)[1]
        while time.monotonic() < begun + 0.5:
            pass
        return (busy(core)[1] - before) / (time.monotonic() - begun)


def work():
    """Milliseconds of processor time that always the same work takes on the contender's core: whether it is as fast as
    ever, or shares its insides with somebody outside of this machine."""
    with on({CONTENDER}):
        begun = time.thread_time()
        for _ in range(1_000_000):
            pass
        return (time.thread_time() - begun) * 1e3
