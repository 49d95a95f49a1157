"""Nanoseconds a row of the trees alone, by processor path, and how many times slower the others are."""

from figures import by_round, ratio, spread
from table import rounds, shown, table
from verdict import Verdict

ORT, LLEAVES = "onnxruntime", "lleaves"
OTHERS = [ORT, LLEAVES]
BATCH = 1_024
# Times faster than the others, in batches of 1,024, where the kernel has AVX-512. With AVX2 only it is half of each.
AVX512 = {
    "10x31": {ORT: 15, LLEAVES: 2},
    "100x50": {ORT: 25, LLEAVES: 10},
    "500x110": {ORT: 25, LLEAVES: 10},
}
PORTABLE = {"10x31": {ORT: 1, LLEAVES: 1}, "100x50": {ORT: 1}, "500x110": {ORT: 1}}
# Ours is named by the instructions that its kernel may use, the best first.
TARGETS = {
    "AVX-512": AVX512,
    "AVX2": {model: {other: times / 2 for other, times in targets.items()} for model, targets in AVX512.items()},
    "portable": PORTABLE,
}
# Microseconds.
SINGLE_ROW_TARGET = {"10x31": 3.0, "100x50": 3.0}


def show(result):
    runs = result["runs"]

    def nanoseconds(contender, model, batch):
        return by_round(runs, lambda run: run["nanoseconds"], contender=contender, model=model, batch=batch)

    seen = list(dict.fromkeys(run["contender"] for run in runs))
    ours = [contender for contender in seen if contender not in OTHERS]
    rows, verdicts = [], []
    for model in dict.fromkeys(run["model"] for run in runs):
        for batch in sorted({run["batch"] for run in runs if run["model"] == model}, reverse=True):
            for contender in seen:
                took = nanoseconds(contender, model, batch)
                if not took:
                    continue
                times = {other: ratio(nanoseconds(other, model, batch), took) for other in OTHERS}
                shown_times = ["–" if other == contender else shown(times[other]) for other in OTHERS]
                name = f"ours, {contender}" if contender in ours else contender
                rows.append([model, f"{batch:,}", name, rounds(spread(took)), shown(spread(took)), *shown_times])
                if contender not in ours:
                    continue
                targets = TARGETS[contender].get(model, {}) if batch == BATCH else {}
                for other in OTHERS:
                    what = f"{contender} against {other}, {model}, batch {batch:,}"
                    target = targets.get(other)
                    verdicts.append(Verdict("kernel", what, times[other], " ×", target, more=True, even=1.0))
        # What the service takes where nobody chooses.
        best = next((instructions for instructions in TARGETS if instructions in ours), None)
        single, full = (nanoseconds(best, model, batch) for batch in (1, BATCH))
        if single:
            what = f"a single row, {model}, {best}"
            verdicts.append(Verdict("kernel", what, spread(single) / 1e3, " µs", SINGLE_ROW_TARGET.get(model)))
        if full:
            what = f"a row and tree, {model}, {best}, batch {BATCH:,}"
            verdicts.append(Verdict("kernel", what, spread(full) / trees(model), " ns"))
    head = ["trees × leaves", ">batch", "contender", ">rounds", ">ns a row", ">onnxruntime ÷ it", ">lleaves ÷ it"]
    return table(head, rows), verdicts


def trees(model):
    """Of a name such as 100x50."""
    return int(model.split("x")[0])
