"""What a row costs with more workers, partitions and bytes."""

from contenders import OURS, PASS_THROUGH
from figures import Spread, by_round, line, ratio, spread
from sections.throughput import counted
from table import number, rounds, shown, table
from verdict import Verdict

WORKERS_TARGET = 1.1


def show(result):
    runs = result["runs"]

    def costs(of, value, contender=OURS):
        return by_round(runs, lambda run: run["cpu_ns_per_row"], of=of, value=value, contender=contender)

    def cells(of, value, others):
        """Ours and the pass-through's, with how often they were measured."""
        spreads = [spread(costs(of, value, name)) for name in others]
        return [cell for found in spreads for cell in (rounds(found), shown(found))]

    def values(of):
        return sorted({run["value"] for run in runs if run["of"] == of})

    most = max(run["rows"] for run in runs)
    parts = [f"{most:,} rows a run, fewer of the largest rows; the second half counts. {counted(runs)}"]
    verdicts = []
    times = ratio(costs("workers", 2), costs("workers", 1))
    verdicts.append(Verdict("scale", "CPU per row, two workers against one", times, " ×", WORKERS_TARGET))
    rows = [
        [str(n), *cells("workers", n, [OURS]), shown(ratio(costs("workers", n), costs("workers", 1)))]
        for n in values("workers")
    ]
    parts.append(table(["workers on one core", ">rounds", ">ns of CPU a row", ">÷ one worker"], rows))

    beside = [">rounds", ">ns of CPU a row", ">rounds", ">the pass-through's ns"]
    rows = []
    for n in values("partitions"):
        against_ten = ratio(costs("partitions", n), costs("partitions", 10))
        rows.append([str(n), *cells("partitions", n, [OURS, PASS_THROUGH]), shown(against_ten)])
        if n != 10:
            what = f"CPU per row, {n} partition{'s'[: n > 1]} against 10"
            verdicts.append(Verdict("scale", what, against_ten, " ×"))
    parts.append(table(["partitions", *beside, ">ours ÷ ten partitions"], rows))

    rows = []
    for n in values("bytes"):
        rows.append([f"{n:,}", *cells("bytes", n, [OURS, PASS_THROUGH])])
        times = ratio(costs("bytes", n, PASS_THROUGH), costs("bytes", n))
        what = f"rows per CPU-second against pass-through, rows of {n:,} bytes"
        verdicts.append(Verdict("scale", what, times, " ×", more=True, even=1.0))
    parts.append(table(["bytes of a row", *beside], rows))

    fits = []
    for contender in (OURS, PASS_THROUGH):
        measured = {n: costs("bytes", n, contender) for n in values("bytes")}
        points = [(n, spread(cost).median) for n, cost in measured.items() if cost]
        if len(points) < 3:
            continue
        by_byte, fixed = line(points)
        off = max(abs(fixed + by_byte * n - cost) / cost for n, cost in points)
        fits.append([contender, number(fixed), number(by_byte), f"{number(100 * off)} %"])
        lines = [line(of_round(measured, round_)) for round_ in set().union(*measured.values())]
        by_bytes = Spread.of(found[0] for found in lines if found)
        verdicts.append(Verdict("scale", f"CPU per byte of input, {contender}", by_bytes, " ns"))
    if fits:
        head = ["line of least squares", ">ns a row", ">ns a byte of input", ">farthest from the line"]
        parts.append(table(head, fits))
    return "\n\n".join(parts), verdicts


def of_round(measured, round_):
    """(bytes, cost) of the sizes that were measured in the round."""
    return [(size, costs[round_]) for size, costs in measured.items() if round_ in costs]
