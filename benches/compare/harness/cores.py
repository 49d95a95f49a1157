"""Who runs where: a contender has a core to itself, and the broker one that it shares with as little as possible."""

import contextlib
import os
import time

TICKS = os.sysconf("SC_CLK_TCK")
ALL = sorted(os.sched_getaffinity(0))
BROKER, CONTENDER = ALL[0], ALL[-1]
# What drives a run. On two cores only the broker's is left.
HARNESS = set(ALL[1:-1]) or {BROKER}


def pinned(core, command):
    """The command, on that core (or those) with all its threads."""
    cores = {core} if isinstance(core, int) else core
    return ["taskset", "-c", ",".join(map(str, sorted(cores))), *map(str, command)]


def settle():
    """This process, and all threads it starts from now on, stay off the contender's core."""
    os.sched_setaffinity(0, HARNESS)


@contextlib.contextmanager
def everywhere():
    """Threads that are started within may use every core: for work between runs."""
    os.sched_setaffinity(0, ALL)
    try:
        yield
    finally:
        settle()


def busy(core):
    """Seconds since the machine's start that the core was not idle, and that the hypervisor gave to others."""
    with open("/proc/stat") as file:
        fields = next(line for line in file if line.startswith(f"cpu{core} ")).split()
    user, nice, system, _idle, _waiting, interrupts, soft, stolen = (int(field) / TICKS for field in fields[1:9])
    return user + nice + system + interrupts + soft, stolen


def work():
    """Milliseconds of processor time that always the same work takes on the contender's core: whether it is as fast as
    ever, or shares its insides with somebody outside of this machine."""
    os.sched_setaffinity(0, {CONTENDER})
    begun = time.thread_time()
    for _ in range(1_000_000):
        pass
    took = time.thread_time() - begun
    settle()
    return took * 1e3
