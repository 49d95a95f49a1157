"""The command line: an item, or all of them, or the page."""

import argparse
import os
import signal
import sys
from dataclasses import asdict, replace

import commands
import contenders
import cores
import latency
import machine
import memory
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
    "scale": scale,
    "latency": latency,
    "memory": memory,
    "start": startup,
    "tune": tune,
    "soak": soak,
}
ALONE = {"kernel": commands.kernel, "row": commands.row}
ITEMS = [*ON_KAFKA, *ALONE]


def main():
    arguments = parse()
    # That of this program; those that it starts have their own.
    os.environ.pop("REQUIREMENTS", None)
    # So that everything that was started is stopped.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    store = Store(arguments.quick)
    if arguments.item == "page":
        page.write(store)
        return
    extent = QUICK if arguments.quick else THOROUGH
    given = {name: getattr(arguments, name) for name in ("rounds", "rows", "soak_minutes", "rate")}
    extent = replace(extent, **{name: value for name, value in given.items() if value is not None})
    if len(cores.ALL) < 2:
        sys.exit("bench: two cores are needed, one for the broker and one for the contender")
    items = ITEMS if arguments.item == "all" else [arguments.item]
    on_kafka = [item for item in items if item in ON_KAFKA]
    built = {}
    if on_kafka:
        say("building")
        built = programs.build({programs.SERVICE, programs.PROBE, *arguments.contenders})
    described = machine.describe()
    cores.settle()
    failed = []

    def measure(item, how):
        try:
            file = store.write(item, asdict(extent), described, how())
            say(f"{item}: figures in {file}")
        except Exception as error:
            # The others can be measured nevertheless.
            failed.append(item)
            say(f"{item} FAILED: {error}")

    if on_kafka:
        with Cluster() as cluster:
            described["log_in_memory"] = cluster.in_memory
            bench = Bench(cluster, built, arguments.contenders, extent)
            for item in on_kafka:
                say(f"== {item}")
                measure(item, lambda item=item: ON_KAFKA[item].measure(bench))
    for item in items:
        if item in ALONE:
            say(f"== {item}")
            measure(item, lambda item=item: ALONE[item](extent))
    if arguments.item == "all":
        page.write(store)
    if failed:
        sys.exit(f"bench: failed: {', '.join(failed)}")


def parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measures the service against other ways to do the same, on a real Kafka on this machine, and "
        f"writes docs/benchmarks.md. Raw figures are left in {TARGET.relative_to(TARGET.parents[1])}/results.",
    )
    parser.add_argument("item", choices=[*ITEMS, "all", "page"], help="what to measure; page only writes the page")
    parser.add_argument("--quick", action="store_true", help="little of everything, to see whether it works")
    parser.add_argument("--rounds", type=positive, metavar="N", help="rounds in which the contenders take turns")
    parser.add_argument("--rows", type=positive, metavar="N", help="rows of a run of throughput and memory")
    parser.add_argument("--rate", type=positive, metavar="N", help="rows a second of latency, memory and soak")
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
