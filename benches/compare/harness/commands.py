"""Figures of other programs, a line each: `kernel CONTENDER MODEL BATCH NANOSECONDS`, `row WHAT NANOSECONDS`."""

import subprocess

import cores
from places import COMPARE, PROJECT
from progress import say
from rounds import attempt

KERNEL = COMPARE / "kernel/run"
# About what one call takes, in seconds: of the kernel for every instruction set that the processor has.
KERNEL_SECONDS, OTHERS_SECONDS, ROW_SECONDS = 58, 25, 10


def lines(command, word, fields):
    """The lines that begin with the word, as lists of the further fields, the last a number."""
    done = subprocess.run(
        cores.pinned(cores.CONTENDER, command), cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True
    )
    found = [line.split() for line in done.stdout.splitlines() if line.startswith(f"{word} ")]
    wrong = [line for line in found if len(line) != fields + 1]
    if wrong or not found:
        raise RuntimeError(f"{command}: expected lines of `{word}` with {fields} fields, found {wrong or 'none'}")
    return [(*line[1:-1], float(line[-1])) for line in found]


def cargo_bench(name):
    return ["cargo", "bench", "--locked", "--quiet", "--bench", name]


def build(name):
    """So that no round has a build in it."""
    say(f"building {name}")
    subprocess.run(["cargo", "bench", "--locked", "--no-run", "--bench", name], cwd=PROJECT, check=True)


def expected_kernel(extent):
    return extent.rounds * (KERNEL_SECONDS + OTHERS_SECONDS)


def prepare_kernel():
    build("kernel")
    # What every contender reads, and what lleaves compiles: minutes the first time.
    subprocess.run([KERNEL, "train"], check=True, stdout=subprocess.DEVNULL)


def kernel(extent, results):
    commands = {"ours": cargo_bench("kernel"), "onnxruntime and lleaves": [KERNEL, "measure"]}
    for number in range(1, extent.rounds + 1):
        for name, command in commands.items():
            found = attempt(results, f"round {number}, {name}", lambda command=command: lines(command, "kernel", 4))
            for contender, model, batch, nanoseconds in found or ():
                results.add(
                    {
                        "round": number,
                        "contender": contender,
                        "model": model,
                        "batch": int(batch),
                        "nanoseconds": nanoseconds,
                    }
                )
                say(f"round {number}, {model}, batch {batch}: {contender} {nanoseconds:,.1f} ns a row")


def expected_row(extent):
    return extent.rounds * ROW_SECONDS


def prepare_row():
    build("row")


def row(extent, results):
    for number in range(1, extent.rounds + 1):
        found = attempt(results, f"round {number}", lambda: lines(cargo_bench("row"), "row", 2))
        for what, nanoseconds in found or ():
            results.add({"round": number, "what": what, "nanoseconds": nanoseconds})
            say(f"round {number}: {what} {nanoseconds:,.1f} ns a row")
