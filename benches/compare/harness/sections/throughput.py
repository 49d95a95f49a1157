"""Rows per second of processor time, and ours as a multiple of the others'."""

import contenders
from figures import Spread, by_round, ratio, spread
from table import number, shown, table
from verdict import Verdict

HEADLINE = "lz4"
EXACTLY_ONCE = "lz4, exactly once"
TITLES = {
    HEADLINE: "The shipped defaults: lz4, linger 5 ms, at least once",
    "none": "Without compression",
    EXACTLY_ONCE: "Exactly once, transactions of 100 ms",
}
TARGETS = {contenders.STREAMS: 3.5, contenders.LOOP: 1.4, contenders.PASS_THROUGH: 0.7}
EXACTLY_ONCE_TARGET = 0.85


def cost(run):
    return run["cpu_ns_per_row"]


def show(result):
    runs = result["runs"]
    parts, verdicts = [facts(result)], []
    for mode, title in TITLES.items():
        parts += [f"**{title}**", mode_table(runs, mode)]
        for contender, target in TARGETS.items():
            times = ratio(costs(runs, mode, contender), costs(runs, mode, contenders.OURS))
            if times:
                asked = target if mode == HEADLINE else None
                what = f"rows per CPU-second against {contender}, {mode}"
                verdicts.append(Verdict("throughput", what, times, " ×", asked, more=True, even=1.0))
    once = ratio(costs(runs, HEADLINE, contenders.OURS), costs(runs, EXACTLY_ONCE, contenders.OURS))
    if once:
        what = "rows per CPU-second, exactly once against at least once"
        verdicts.append(Verdict("throughput", what, once, " ×", EXACTLY_ONCE_TARGET, more=True))
    return "\n\n".join(parts), verdicts


def costs(runs, mode, contender):
    return by_round(runs, cost, mode=mode, contender=contender)


def mode_table(runs, mode):
    rows = []
    for contender in contenders.ALL:
        of = [run for run in runs if run["mode"] == mode and run["contender"] == contender]
        if not of:
            continue
        times = ratio(costs(runs, mode, contender), costs(runs, mode, contenders.OURS))
        rows.append(
            [
                contender,
                shown(Spread.of(1e6 / cost(run) for run in of)),
                number(Spread.of(map(cost, of)).median),
                shown(Spread.of(run["rows_per_second"] / 1e3 for run in of)),
                number(Spread.of(run["core"] for run in of).median),
                number(Spread.of(run["peak_bytes"] / 1e6 for run in of).median),
                "1" if contender == contenders.OURS else shown(times),
            ]
        )
    head = [
        "contender",
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
    values = spread(by_round(runs, lambda run: run["value_bytes"], contender=contenders.OURS))
    rounds = max(run["round"] for run in runs)
    lines = [
        f"{first['rows']:,} rows a run, of which the last {first['counted_rows']:,} count; rounds: {rounds}; "
        f"values of {result['input_bytes']:.0f} bytes in" + (f", {values.median:.0f} out." if values else ".")
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
        lines.append(f"All rows of the sample, Java against the service: {result['check']}")
    others, stolen = (Spread.of(100 * run[name] for run in runs) for name in ("others", "stolen"))
    work = Spread.of(run["same_work_ms"] for run in runs)
    lines.append(
        f"Of its core, other processes than the contender had {shown(others)} % of the time, the hypervisor "
        f"{shown(stolen)} %. The same piece of work, done before each run, took it {shown(work)} ms."
    )
    return "\n".join(lines)
