"""Rows per second of processor time, and ours as a multiple of the others'."""

import contenders
from figures import Spread, by_round, ratio, spread
from table import median, rounds, shown, table
from throughput import EXACTLY_ONCE, HEADLINE
from verdict import Verdict

TITLES = {
    HEADLINE: "The shipped defaults: lz4, linger 5 ms, at least once",
    "none": "Without compression",
    EXACTLY_ONCE: "Exactly once, transactions of 100 ms",
}
TARGETS = {contenders.STREAMS: 3.5, contenders.LOOP: 1.4, contenders.PASS_THROUGH: 0.7}
EXACTLY_ONCE_TARGET = 0.85


def show(result):
    runs = result["runs"]
    parts, verdicts = [facts(result)], []
    for mode, title in TITLES.items():
        parts += [f"**{title}**", mode_table(runs, mode)]
        for contender, target in TARGETS.items():
            asked = target if mode == HEADLINE else None
            times = ratio(costs(runs, mode, contender), costs(runs, mode, contenders.OURS))
            what = f"rows per CPU-second against {contender}, {mode}"
            verdicts.append(Verdict("throughput", what, times, " ×", asked, more=True, even=1.0))
            times = ratio(speeds(runs, mode, contenders.OURS), speeds(runs, mode, contender))
            what = f"rows/s against {contender}, {mode}"
            verdicts.append(Verdict("throughput", what, times, " ×", more=True, even=1.0))
    once = ratio(costs(runs, HEADLINE, contenders.OURS), costs(runs, EXACTLY_ONCE, contenders.OURS))
    what = "rows per CPU-second, exactly once against at least once"
    verdicts.append(Verdict("throughput", what, once, " ×", EXACTLY_ONCE_TARGET, more=True))
    return "\n\n".join(parts), verdicts


def costs(runs, mode, contender):
    return by_round(runs, lambda run: run["cpu_ns_per_row"], mode=mode, contender=contender)


def speeds(runs, mode, contender):
    return by_round(runs, lambda run: run["rows_per_second"], mode=mode, contender=contender)


def mode_table(runs, mode):
    rows = []
    for contender in contenders.ALL:

        def of(value, contender=contender):
            return spread(by_round(runs, value, mode=mode, contender=contender))

        cost = of(lambda run: run["cpu_ns_per_row"])
        times = ratio(costs(runs, mode, contender), costs(runs, mode, contenders.OURS))
        rows.append(
            [
                contender,
                rounds(cost),
                shown(of(lambda run: 1e6 / run["cpu_ns_per_row"])),
                median(cost),
                shown(of(lambda run: run["rows_per_second"] / 1e3)),
                median(of(lambda run: run["core"])),
                median(of(lambda run: run["peak_bytes"] / 1e6)),
                "1" if contender == contenders.OURS else shown(times),
            ]
        )
    head = [
        "contender",
        ">rounds",
        ">thousand rows per CPU-second",
        ">ns of CPU a row",
        ">thousand rows/s",
        ">of its core",
        ">peak MB",
        ">ours ÷ it",
    ]
    return table(head, rows)


def facts(result):
    """What was run, in figures."""
    runs = result["runs"]
    first = runs[0]
    values = Spread.of(run["value_bytes"] for run in runs if run["contender"] == contenders.OURS)
    lines = [
        f"{first['rows']:,} rows a run: the first {first['rows'] - first['counted_rows']:,} warm Java up, the last "
        f"{first['counted_rows']:,} count. Values of {result['input_bytes']:.0f} bytes in"
        + (f", {values.median:.0f} out." if values else "."),
        counted([run for run in runs if run["mode"] != EXACTLY_ONCE]),
    ]
    compared = [run for run in runs if run.get("compared_records") and run["contender"] != contenders.OURS]
    if compared:
        different = sum(run["different_records"] for run in compared)
        total = sum(run["compared_records"] for run in compared)
        lines.append(
            f"Of {total:,} records of the other contenders that were compared with ours (key, timestamp and value; "
            f"of the pass-through key and timestamp), {different:,} differ, in the last digits of their probabilities."
        )
    if result.get("check"):
        lines.append(f"All rows of the sample, Java against the service: {result['check']}.")
    others = Spread.of(100 * run["others"] for run in runs)
    work = Spread.of(run["same_work_ms"] for run in runs)
    lines.append(
        f"Of its core, other processes than the contender had {shown(others)} % of the time. The same piece of work, "
        f"done before each run, took it {shown(work)} ms."
    )
    return "\n".join(line for line in lines if line)


def counted(runs):
    """How long what counts lasted, and how many checkpoints a time of that length has."""
    if not runs:
        return ""
    lasted = Spread.of(run["counted_seconds"] for run in runs)
    checkpoints = Spread.of(run["checkpoints"] for run in runs)
    return (
        f"The rows that count took {shown(lasted)} s, at least once {shown(checkpoints)} checkpoints: "
        "they come by time and not by rows."
    )
