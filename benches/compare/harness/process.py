"""A contender's process: what it takes of the processor and of memory, and how it ends."""

import signal
import subprocess
import time
from pathlib import Path

import cores
from progress import say

GRACE = 30


class Process:
    """Used in a `with`; it is stopped by SIGTERM and has to end by itself, else it is killed."""

    def __init__(self, command, environment, log):
        log.parent.mkdir(parents=True, exist_ok=True)
        self.log = log
        self.spawned, self.spawned_at = time.monotonic(), time.time()
        with open(log, "wb") as output:
            self.child = subprocess.Popen(
                cores.pinned(cores.CONTENDER, command),
                env=environment,
                stdout=output,
                stderr=output,
                # Ctrl-C is ours to pass on.
                start_new_session=True,
            )
        # CPUCLOCK_SCHED of the whole process, as clock_getcpuclockid(3) makes it: in nanoseconds, ended threads too.
        self.clock = (~self.child.pid << 3) | 2

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

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(GRACE)
        except BaseException:
            self.child.kill()
            self.child.wait()
            raise
        if kind is None and code != 0:
            # What was measured is not touched by it.
            say(f"ended with {code} after SIGTERM instead of 0: see {self.log}")
