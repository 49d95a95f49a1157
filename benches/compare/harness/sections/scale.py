"""What a row costs with more workers, partitions and bytes."""

import contenders
from figures import by_round, line, ratio, spread
from table import number, shown, table
from verdict import Verdict

WORKERS_TARGET = 1.1


def show(result):
    runs = result["runs"]

    def costs(of, value, contender=contenders.OURS):
        return by_round(runs, lambda run: run["cpu_ns_per_row"], of=of, value=value, contender=contender)

    def values(of):
        return sorted({run["value"] for run in runs if run["of"] == of})

    verdicts = []
    times = ratio(costs("workers", 2), costs("workers", 1))
    if times:
        verdicts.append(Verdict("scale", "CPU per row, two workers against one", times, " ×", WORKERS_TARGET))
    rows = [
        [str(n), shown(spread(costs("workers", n))), shown(ratio(costs("workers", n), costs("workers", 1)))]
        for n in values("workers")
    ]
    parts = [table(["workers on one core", ">ns of CPU a row", ">÷ one worker"], rows)]

    rows = []
    for n in values("partitions"):
        against_ten = ratio(costs("partitions", n), costs("partitions", 10))
        if n != 10 and against_ten:
            what = f"CPU per row, {n} partition{'s'[: n > 1]} against 10"
            verdicts.append(Verdict("scale", what, against_ten, " ×"))
        rows.append(
            [
                str(n),
                shown(spread(costs("partitions", n))),
                shown(against_ten),
                shown(spread(costs("partitions", n, contenders.PASS_THROUGH))),
            ]
        )
    parts.append(table(["partitions", ">ns of CPU a row", ">÷ ten partitions", ">the pass-through's ns"], rows))

    rows = [
        [f"{n:,}", shown(spread(costs("bytes", n))), shown(spread(costs("bytes", n, contenders.PASS_THROUGH)))]
        for n in values("bytes")
    ]
    parts.append(table(["bytes of a row", ">ns of CPU a row", ">the pass-through's ns"], rows))
    fits = []
    for contender in (contenders.OURS, contenders.PASS_THROUGH):
        points = [
            (n, spread(costs("bytes", n, contender)).median) for n in values("bytes") if costs("bytes", n, contender)
        ]
        if len(points) > 2:
            by_byte, fixed = line(points)
            off = max(abs(fixed + by_byte * n - cost) / cost for n, cost in points)
            fits.append([contender, number(fixed), number(by_byte), f"{number(100 * off)} %"])
    if fits:
        head = ["line of least squares", ">ns a row", ">ns a byte of input", ">farthest from the line"]
        parts.append(table(head, fits))
    return "\n\n".join(parts), verdicts
