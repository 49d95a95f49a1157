"""Resident memory at full throughput and at a given rate, as the runs of other items had it."""

import contenders
import latency
import throughput
from figures import Spread, by_round, ratio, spread
from table import rounds, shown, table
from verdict import Verdict

# Megabytes of a worker.
FULL_TARGET, RATE_TARGET = 128, 40
RATE_OF_THE_TARGET = 5_000


def show(of_throughput, of_latency, of_soak):
    """Of results that may be None."""
    full = {"runs": (of_throughput or {"runs": []})["runs"], "mode": throughput.HEADLINE, "what": "full throughput"}
    at_rate = {"runs": (of_latency or {"runs": []})["runs"], "mode": latency.SHIPPED}
    rate = at_rate["runs"][0]["rate"] if at_rate["runs"] else None
    at_rate["what"] = f"{rate:,} rows/s" if rate else "a given rate"

    def megabytes(at, contender, field):
        return by_round(at["runs"], lambda run: run[field] / 1e6, mode=at["mode"], contender=contender)

    rows, verdicts = [], []
    for contender in contenders.ALL:
        cells = [contender]
        for at in (full, at_rate):
            resident, peak = (spread(megabytes(at, contender, field)) for field in ("resident_bytes", "peak_bytes"))
            cells += [rounds(peak), shown(resident), shown(peak)]
        rows.append(cells)
    head = ["contender"]
    for at in (full, at_rate):
        head += [">rounds", f">MB at {at['what']}", ">peak"]
    parts = [table(head, rows)]

    peak = spread(megabytes(full, contenders.OURS, "peak_bytes"))
    verdicts.append(Verdict("memory", "peak at full throughput", peak, " MB", FULL_TARGET))
    target = RATE_TARGET if rate == RATE_OF_THE_TARGET else None
    peak = spread(megabytes(at_rate, contenders.OURS, "peak_bytes"))
    verdicts.append(Verdict("memory", f"peak at {at_rate['what']}", peak, " MB", target))
    for at in (full, at_rate):
        for contender in contenders.ALL[1:]:
            ours, theirs = (megabytes(at, name, "peak_bytes") for name in (contenders.OURS, contender))
            what = f"peak against {contender}, {at['what']}"
            verdicts.append(Verdict("memory", what, ratio(ours, theirs), " ×", even=1.0))
    if of_soak and "peak_bytes" in of_soak:
        soak = Spread.of([of_soak["peak_bytes"] / 1e6])
        what = f"peak in the soak, {of_soak['rate']:,} rows/s"
        target = RATE_TARGET if of_soak["rate"] == RATE_OF_THE_TARGET else None
        verdicts.append(Verdict("memory", what, soak, " MB", target))
        parts.append(f"In the soak, which is longer, the service's peak was {shown(soak)} MB.")
    return "\n\n".join(parts), verdicts
