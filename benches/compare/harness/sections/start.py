"""From the start of the process to its first output."""

import contenders
import startup
from figures import by_round, differences, ratio, spread
from places import MODELS
from table import rounds, shown, table
from verdict import Verdict

FIRST_OUTPUT_TARGET, MODEL_TARGET = 500, 50


def show(result):
    runs = result["runs"]

    def of(field, **wanted):
        return by_round([run for run in runs if field in run], lambda run: run[field], **wanted)

    join = of("join_ms")
    rows, verdicts = [], []
    for contender in contenders.ALL:
        first = of("first_output_ms", contender=contender)
        beyond = spread(differences(first, join))
        rows.append([contender, rounds(spread(first)), shown(spread(first)), shown(beyond)])
        if contender == contenders.OURS:
            what = "first output, beyond a bare join of the group"
            verdicts.append(Verdict("start", what, beyond, " ms", FIRST_OUTPUT_TARGET))
        else:
            times = ratio(of("first_output_ms", contender=contenders.OURS), first)
            verdicts.append(Verdict("start", f"first output against {contender}", times, " ×", even=1.0))
    head = ["contender", ">rounds", ">first output, ms", ">of that beyond a bare join in the same round, ms"]
    parts = [table(head, rows)]
    ours = {
        "a bare consumer joins the group": join,
        "the service: model proven": of("proven_ms"),
        "the service: partitions assigned": of("assigned_ms"),
        "the service: first output": of("first_output_ms", contender=contenders.OURS),
    }
    rows = [[name, rounds(spread(took)), shown(spread(took))] for name, took in ours.items()]
    parts.append(table(["since the process was started", ">rounds", ">ms"], rows))
    version = of("process_ms", what=startup.VERSION)
    rows = [["`--version`", rounds(spread(version)), shown(spread(version)), "–"]]
    for model in MODELS:
        took = of("process_ms", model=model.stem)
        beyond = spread(differences(took, version))
        rows.append([f"`model check` of {model.stem}", rounds(spread(took)), shown(spread(took)), shown(beyond)])
        what = f"{model.stem} loaded and proven, with the process around it"
        verdicts.append(Verdict("start", what, spread(took), " ms", MODEL_TARGET))
    parts.append(table(["the whole process", ">rounds", ">ms", ">beyond `--version`, ms"], rows))
    return "\n\n".join(parts), verdicts
