"""Quantiles of latency, and ours as a multiple of the others'."""

import contenders
import latency
from figures import Spread, by_round, ratio, spread
from table import median, rounds, shown, table
from verdict import Verdict

QUANTILES = ["p50", "p99", "p99.9"]
# Of the pass-through's, and of Kafka Streams' with the intervals that it has by default.
TARGETS, STREAMS_TARGET = {"p50": 1.3, "p99": 1.3}, 0.2


def show(result):
    runs = result["runs"]

    def figures(mode, contender, quantile):
        return by_round(runs, lambda run: run["milliseconds"][quantile], mode=mode, contender=contender)

    late = Spread.of(run["sent_late_milliseconds"]["p99"] for run in runs)
    extent = result["extent"]
    facts = (
        f"{runs[0]['rate']:,} rows/s; the first {extent['warm_up']} s warm up, of Java {extent['java_warm_up']} s. "
        f"After that {extent['seconds']} seconds count: the first in which, and in the seconds beside which, the hypervisor "
        f"took no more than 3 % of a core; where there are fewer in {extent['most_seconds']} s, those in which it took "
        "least. "
        f"How late the generator handed over a row, p99 of a run: {shown(late)} ms."
    )
    rows = []
    for mode, contender in latency.variants(contenders.ALL):
        of = [spread(figures(mode, contender, quantile)) for quantile in (*QUANTILES, "max")]
        rows.append([mode, contender, rounds(of[0]), *map(shown, of[:2]), *map(median, of[2:])])
    head = ["settings", "contender", ">rounds", ">p50 ms", ">p99 ms", ">p99.9 ms", ">max ms"]
    verdicts = []
    for mode, contender in latency.variants(contenders.ALL):
        if mode not in latency.MODES or contender == contenders.OURS:
            continue
        for quantile in QUANTILES:
            times = ratio(figures(mode, contenders.OURS, quantile), figures(mode, contender, quantile))
            target = TARGETS.get(quantile) if contender == contenders.PASS_THROUGH else None
            what = f"{quantile} against {contender}, {mode}"
            verdicts.append(Verdict("latency", what, times, " ×", target, even=1.0))
    shipped = figures(latency.SHIPPED, contenders.OURS, "p99")
    streams = ratio(shipped, figures(latency.STREAMS_INTERVALS, contenders.STREAMS, "p99"))
    what = f"p99 of the defaults against streams with {latency.STREAMS_INTERVALS}"
    verdicts.append(Verdict("latency", what, streams, " ×", STREAMS_TARGET, even=1.0))
    without = ratio(shipped, figures(latency.NO_CHECKPOINT, contenders.OURS, "p99"))
    verdicts.append(Verdict("latency", "p99 with checkpoints of 5 s against none", without, " ×"))
    return "\n\n".join([facts, table(head, rows)]), verdicts
