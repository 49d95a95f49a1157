"""The command line: an item, or all of them, or the page."""

import argparse
import os
import signal
import subprocess
import sys
from dataclasses import asdict, replace

import commands
import contenders
import cores
import durations
import latency
import machine
import page
import programs
import scale
import soak
import startup
import throughput
import tune
from bench import QUICK, THOROUGH, Bench
from cluster import Cluster
from places import TARGET
from progress import say
from store import Store

# Those that run on a broker, and those that do not.
ON_KAFKA = {
    "throughput": throughput,
    "latency": latency,
    "start": startup,
    "scale": scale,
    "tune": tune,
    "soak": soak,
}
# What is to be built first, what is measured, and how long that takes.
ALONE = {
    "row": (commands.prepare_row, commands.row, commands.expected_row),
    "kernel": (commands.prepare_kernel, commands.kernel, commands.expected_kernel),
}
ITEMS = [*ALONE, *ON_KAFKA]


def main():
    arguments = parse()
    # That of this program; those that it starts have their own.
    os.environ.pop("REQUIREMENTS", None)
    # So that everything that was started is stopped. Whoever ignores the end of the terminal goes on doing so.
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda *_: sys.exit(143))
    store = Store(arguments.quick)
    if arguments.item == "page":
        page.write(store)
        return
    if len(cores.ALL) < 2:
        sys.exit("bench: two cores are needed, one for the broker and one for the contender")
    failed = measure(arguments, store)
    if arguments.item == "all":
        page.write(store)
    if failed:
        sys.exit(f"bench: failed: {', '.join(failed)}")


def measure(arguments, store):
    """Measures what is wanted, and returns what of it failed."""
    extent = extent_of(arguments)
    items = ITEMS if arguments.item == "all" else [arguments.item]
    failed, built = [], {}
    if any(item in ON_KAFKA for item in items):
        say("building")
        built = programs.build({programs.SERVICE, programs.PROBE, *arguments.contenders})
    ready = []
    for item in items:
        try:
            if item in ALONE:
                ALONE[item][0]()
            elif item == "tune":
                built |= tune.build()
            ready.append(item)
        except (OSError, subprocess.CalledProcessError) as error:
            say(f"{item} FAILED: {error}")
            failed.append(item)
    described = machine.describe()
    cores.settle()
    store.forget(*items)
    minutes = {item: seconds(item, extent, arguments.contenders) / 60 for item in items}
    if len(items) > 1:
        say(f"{', '.join(items)}: about {sum(minutes.values()):.0f} min")
    for item in ready:
        say(f"== {item}: about {minutes[item]:.0f} min")
        results = store.begin(item, asdict(extent), described)
        try:
            if item in ALONE:
                ALONE[item][1](extent, results)
            else:
                on_kafka(item, built, arguments.contenders, extent, results)
        except Exception as error:
            # The others can be measured nevertheless.
            say(f"{item} FAILED: {error}")
            results.fail(what="the item", error=str(error), lost=True)
        say(f"{item}: figures in {results.file}")
        if results.lost:
            failed.append(f"{item} ({results.lost} {'run' if results.lost == 1 else 'runs'})")
    return failed


def on_kafka(item, built, taking_part, extent, results):
    """Each on a broker of its own: it meets nothing that another left behind."""
    with Cluster() as cluster:
        results.note(log_in_memory=cluster.in_memory)
        ON_KAFKA[item].measure(Bench(cluster, built, taking_part, extent), results)


def seconds(item, extent, taking_part):
    if item in ALONE:
        return ALONE[item][2](extent)
    return durations.BROKER + ON_KAFKA[item].expected(extent, taking_part)


def extent_of(arguments):
    extent = QUICK if arguments.quick else THOROUGH
    given = {name: getattr(arguments, name) for name in ("rounds", "rows", "soak_minutes", "rate")}
    if arguments.rounds:
        given["few_rounds"] = arguments.rounds
    return replace(extent, **{name: value for name, value in given.items() if value is not None})


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the service against other ways to do the same, on a real Kafka on this machine, and "
        f"writes docs/benchmarks.md. Raw figures are left in {TARGET.relative_to(TARGET.parents[1])}/results. The "
        "page's figures of memory come with those of throughput, latency and soak.",
    )
    parser.add_argument("item", choices=[*ITEMS, "all", "page"], help="what to measure; page only writes the page")
    parser.add_argument("--quick", action="store_true", help="little of everything, to see whether it works")
    parser.add_argument("--rounds", type=positive, metavar="N", help="rounds in which the contenders take turns")
    parser.add_argument("--rows", type=positive, metavar="N", help="rows of a run of throughput")
    parser.add_argument("--rate", type=positive, metavar="N", help="rows a second of latency and soak")
    parser.add_argument("--minutes", type=positive, metavar="N", dest="soak_minutes", help="how long the soak takes")
    parser.add_argument(
        "--contenders",
        type=lambda text: [name for name in contenders.ALL if name in text.split(",")],
        default=contenders.ALL,
        metavar="NAMES",
        help=f"only these of {','.join(contenders.ALL)}",
    )
    arguments = parser.parse_args()
    if not arguments.contenders:
        parser.error(f"--contenders: expected some of {','.join(contenders.ALL)}")
    return arguments


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("expected at least 1")
    return number


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
