"""A contender's process: what it takes of the processor and of memory, and how it ends."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

import cores
from progress import say

GRACE = 30
ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def uninterrupted():
    """What a signal raises comes at the end of the `with`, and not before it is known what was started in it."""
    came = []
    handlers = {number: signal.signal(number, lambda number, _: came.append(number)) for number in ENDING}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    for number in came:
        signal.raise_signal(number)


@contextlib.contextmanager
def spawned(command, **options):
    """A child process, which is gone after the `with`."""
    child = None
    try:
        with uninterrupted():
            child = subprocess.Popen(command, **options)
        yield child
    finally:
        if child:
            child.kill()
            child.wait()


class Process:
    """Used in a `with`; it is stopped by SIGTERM and has to end by itself, else it is killed."""

    def __init__(self, command, environment, log):
        self.command, self.environment, self.log = cores.pinned(cores.CONTENDER, command), environment, log

    def __enter__(self):
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with open(self.log, "wb") as output, contextlib.ExitStack() as starting:
            self.spawned, self.spawned_at = time.monotonic(), time.time()
            child = spawned(
                self.command,
                env=self.environment,
                stdout=output,
                stderr=output,
                # Ctrl-C is ours to pass on.
                start_new_session=True,
            )
            self.child = starting.enter_context(child)
            # CPUCLOCK_SCHED of the whole process, as clock_getcpuclockid(3) makes it: in nanoseconds, with the threads
            # that ended.
            self.clock = (~self.child.pid << 3) | 2
            self.running = starting.pop_all()
        return self

    def __exit__(self, kind, *_):
        with self.running:
            self.child.send_signal(signal.SIGTERM)
            code = self.child.wait(GRACE)
        if kind is None and code != 0:
            # What was measured is not touched by it.
            say(f"ended with {code} after SIGTERM instead of 0: see {self.log}")

    def cpu(self):
        """Seconds of processor time that it took, of all its threads."""
        self.check()
        return time.clock_gettime(self.clock)

    def memory(self):
        """Bytes resident now, and at most so far."""
        self.check()
        status = Path(f"/proc/{self.child.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return tuple(int(fields[name].split()[0]) * 1024 for name in ("VmRSS", "VmHWM"))

    def check(self):
        if self.child.poll() is not None:
            raise RuntimeError(f"{self.child.args} ended with {self.child.returncode}:\n{self.tail()}")

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
