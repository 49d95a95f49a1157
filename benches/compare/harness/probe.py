"""Rows at a given rate to a contender that waits for them, and the time until each comes out."""

import json
import subprocess
import time

import cores
import programs
import rows
from process import spawned

# For connecting, and for the last rows.
PATIENCE = 120


def probe(bench, contender, settings, warm_up, seconds, every=None, quiet=None, watch=None):
    """The probe's report, with the contender's memory at its end. `every` and `quiet` are the probe's: seconds of an
    interval, and how many intervals count. `watch` is called each second, with the process and the seconds since the
    probe was started."""
    with bench.cluster.topic("Input") as topic, bench.cluster.topic("Output") as output:
        return probed(bench, contender, settings, topic, output, warm_up, seconds, every, quiet, watch)


def probed(bench, contender, settings, topic, output, warm_up, seconds, every, quiet, watch):
    cluster, group = bench.cluster, bench.cluster.group()
    command = [bench.programs[programs.PROBE]]
    arguments = {
        "bootstrap-servers": cluster.servers,
        "input-topic": topic,
        "output-topic": output,
        "rows": rows.FILE,
        "rate": bench.extent.rate,
        "warm-up": warm_up,
        "seconds": seconds,
        "every": every,
        "quiet": quiet,
    }
    for name, value in arguments.items():
        if value is not None:
            command += [f"--{name}", value]
    with bench.start(contender, settings, group, topic, output) as process:
        # The group is joined, and an empty topic read, before the first row.
        cluster.wait_for_member(group, process)
        with spawned(cores.pinned(cores.HARNESS, command), stdout=subprocess.PIPE, text=True) as child:
            report = wait(child, warm_up + seconds + PATIENCE, lambda since: watch and watch(process, since))
        now, peak = process.memory()
        cpu = process.cpu()
    if report["received"] < report["sent"]:
        raise RuntimeError(f"{contender}: {report['sent']} rows sent, {report['received']} came out")
    return report | {"resident_bytes": now, "peak_bytes": peak, "cpu_seconds": cpu}


def wait(child, most, each_second):
    """What the probe prints at its end; calls `each_second` meanwhile."""
    begun = time.monotonic()
    while (since := time.monotonic() - begun) < most:
        try:
            out, _ = child.communicate(timeout=1)
            break
        except subprocess.TimeoutExpired:
            each_second(since)
    else:
        raise RuntimeError(f"the probe is not done after {most:.0f} s")
    if child.returncode != 0:
        raise RuntimeError(f"the probe ended with {child.returncode}")
    return json.loads(out)
