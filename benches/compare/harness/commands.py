"""Figures of other programs, a line each: `kernel CONTENDER MODEL BATCH NANOSECONDS`, `row WHAT NANOSECONDS`."""

import subprocess

import cores
from places import COMPARE, PROJECT
from progress import say

KERNEL = COMPARE / "kernel/run"


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


def kernel(extent):
    # The models, which every contender reads. Trained before, they are there at once.
    subprocess.run([KERNEL, "train"], check=True, stdout=subprocess.DEVNULL)
    # So that no round has a build in it.
    subprocess.run(["cargo", "bench", "--locked", "--no-run", "--bench", "kernel"], cwd=PROJECT, check=True)
    runs = []
    for number in range(1, extent.rounds + 1):
        for command in (cargo_bench("kernel"), [KERNEL, "measure"]):
            for contender, model, batch, nanoseconds in lines(command, "kernel", 4):
                runs.append(
                    {
                        "round": number,
                        "contender": contender,
                        "model": model,
                        "batch": int(batch),
                        "nanoseconds": nanoseconds,
                    }
                )
                say(f"round {number}, {model}, batch {batch}: {contender} {nanoseconds:,.1f} ns a row")
    return {"runs": runs}


def row(extent):
    subprocess.run(["cargo", "bench", "--locked", "--no-run", "--bench", "row"], cwd=PROJECT, check=True)
    runs = []
    for number in range(1, extent.rounds + 1):
        for what, nanoseconds in lines(cargo_bench("row"), "row", 2):
            runs.append({"round": number, "what": what, "nanoseconds": nanoseconds})
            say(f"round {number}: {what} {nanoseconds:,.1f} ns a row")
    return {"runs": runs}
