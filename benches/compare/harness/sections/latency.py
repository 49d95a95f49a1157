"""Quantiles of latency, and ours as a multiple of the others'."""

import contenders
import latency
from figures import by_round, ratio, spread
from table import number, shown, table
from verdict import Verdict

# Of the pass-through's, and of Kafka Streams' with its own defaults.
TARGET, STREAMS_TARGET = 1.3, 0.2


def show(result):
    runs = result["runs"]

    def figures(mode, contender, quantile):
        return by_round(runs, lambda run: run["milliseconds"][quantile], mode=mode, contender=contender)

    parts, verdicts = [], []
    late = spread(dict(enumerate(run["sent_late_milliseconds"]["p99"] for run in runs)))
    parts.append(
        f"{runs[0]['rate']:,} rows/s, {runs[0]['milliseconds']['rows']:,} rows of each run count; "
        f"rounds: {max(run['round'] for run in runs)}. "
        f"How late the generator handed over a row, p99 of a run: {shown(late)} ms."
    )
    modes = list(dict.fromkeys(run["mode"] for run in runs))
    rows = []
    for mode in modes:
        for contender in contenders.ALL:
            if not figures(mode, contender, "p50"):
                continue
            rows.append(
                [
                    mode,
                    contender,
                    *(shown(spread(figures(mode, contender, quantile))) for quantile in ("p50", "p99")),
                    *(number(spread(figures(mode, contender, quantile)).median) for quantile in ("p99.9", "max")),
                ]
            )
    parts.append(table(["settings", "contender", ">p50 ms", ">p99 ms", ">p99.9 ms", ">max ms"], rows))
    for mode in latency.MODES:
        for quantile in ("p50", "p99"):
            ours = figures(mode, contenders.OURS, quantile)
            for contender in (contenders.PASS_THROUGH, contenders.LOOP, contenders.STREAMS):
                times = ratio(ours, figures(mode, contender, quantile))
                if times:
                    target = TARGET if contender == contenders.PASS_THROUGH else None
                    what = f"{quantile} against {contender}, {mode}"
                    verdicts.append(Verdict("latency", what, times, " ×", target, even=1.0))
    shipped = figures("linger 5 ms", contenders.OURS, "p99")
    streams = figures(latency.STREAMS_DEFAULT, contenders.STREAMS, "p99")
    if times := ratio(shipped, streams):
        what = "p99 of the defaults against that of Streams' own"
        verdicts.append(Verdict("latency", what, times, " ×", STREAMS_TARGET, even=1.0))
    if times := ratio(shipped, figures(latency.NO_CHECKPOINT, contenders.OURS, "p99")):
        verdicts.append(Verdict("latency", "p99 with checkpoints of 5 s against none", times, " ×"))
    return "\n\n".join(parts), verdicts
