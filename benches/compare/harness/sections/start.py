"""From the start of the process to its first output."""

import contenders
from figures import Spread, by_round, spread
from table import shown, table
from verdict import Verdict

FIRST_OUTPUT_TARGET, MODEL_TARGET = 500, 50


def show(result):
    runs = result["runs"]

    def of(contender, field):
        chosen = [run for run in runs if run.get(field) is not None]
        return by_round(chosen, lambda run: run[field], contender=contender)

    join = spread(of("join", "join_ms"))
    rows, verdicts = [], []
    for contender in contenders.ALL:
        first = of(contender, "first_output_ms")
        if first:
            beyond = {number: first[number] - join.median for number in first}
            if contender == contenders.OURS:
                what = "first output, beyond a bare join of the group"
                verdicts.append(Verdict("start", what, spread(beyond), " ms", FIRST_OUTPUT_TARGET))
            rows.append([contender, shown(spread(first)), shown(spread(beyond))])
    head = ["contender", ">first output, ms", ">of that beyond a bare join, ms"]
    parts = [table(head, rows)]
    ours = [
        ["a bare consumer joins the group", shown(join)],
        ["the service: model proven", shown(spread(of(contenders.OURS, "proven_ms")))],
        ["the service: partitions assigned", shown(spread(of(contenders.OURS, "assigned_ms")))],
        ["the service: first output", shown(spread(of(contenders.OURS, "first_output_ms")))],
    ]
    parts.append(table(["since the process was started", ">ms"], ours))
    rows = []
    for model in dict.fromkeys(run["model"] for run in result["models"]):
        took = Spread.of(run["milliseconds"] for run in result["models"] if run["model"] == model)
        rows.append([f"`model check` of {model}" if model else "`--version`", shown(took)])
        if model:
            what = f"{model} loaded and proven, with the process around it"
            verdicts.append(Verdict("start", what, took, " ms", MODEL_TARGET))
    parts.append(table(["the whole process", ">ms"], rows))
    return "\n\n".join(parts), verdicts
