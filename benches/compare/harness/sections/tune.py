"""What other settings, allocators and builds would make of ours."""

from figures import by_round, ratio, spread
from table import median, rounds, shown, table
from tune import ALLOCATORS, BUILDS, SHIPPED, TRIED
from verdict import Verdict


def show(result):
    runs = result["runs"]

    def of(variant, field):
        return by_round(runs, lambda run: run[field], variant=variant)

    rows = []
    for variant in dict.fromkeys(run["variant"] for run in runs):
        cost, speed, peak = (of(variant, field) for field in ("cpu_ns_per_row", "rows_per_second", "peak_bytes"))
        times = [ratio(cost, of(SHIPPED, "cpu_ns_per_row")), ratio(speed, of(SHIPPED, "rows_per_second"))]
        rows.append([variant, rounds(spread(cost)), *map(shown, [spread(cost), *times]), median(spread(peak) / 1e6)])
    head = ["changed", ">rounds", ">ns of CPU a row", ">÷ as shipped", ">rows/s ÷ as shipped", ">peak MB"]

    # How many times as good the default is as the best other value.
    goodness = {
        "rows per CPU-second": lambda v: ratio(of(v, "cpu_ns_per_row"), of(SHIPPED, "cpu_ns_per_row")),
        "rows/s": lambda v: ratio(of(SHIPPED, "rows_per_second"), of(v, "rows_per_second")),
    }
    verdicts = []
    for variants in alternatives():
        for figure, default_against in goodness.items():
            times = {variant: default_against(variant) for variant in variants}
            found = {variant: spread for variant, spread in times.items() if spread}
            if found:
                best = min(found, key=lambda variant: found[variant].median)
                what = f"{figure}, the default against {best}"
                verdicts.append(Verdict("tune", what, found[best], " ×", more=True, even=1.0))
    return table(head, rows), verdicts


def alternatives():
    """The variants of each thing that was changed."""
    for section in TRIED.values():
        for name, values in section.items():
            yield [f"{name} = {value}" for value in values]
    yield [f"allocator = {name}" for name in ALLOCATORS]
    yield list(BUILDS)
