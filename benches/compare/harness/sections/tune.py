"""What other settings of librdkafka would make of ours."""

from figures import by_round, ratio, spread
from table import number, shown, table
from tune import SHIPPED


def show(result):
    runs = result["runs"]

    def of(variant, field):
        return by_round(runs, lambda run: run[field], variant=variant)

    rows = [
        [
            variant,
            shown(spread(of(variant, "cpu_ns_per_row"))),
            shown(ratio(of(variant, "cpu_ns_per_row"), of(SHIPPED, "cpu_ns_per_row"))),
            shown(ratio(of(variant, "rows_per_second"), of(SHIPPED, "rows_per_second"))),
            number(spread(of(variant, "peak_bytes")).median / 1e6),
        ]
        for variant in dict.fromkeys(run["variant"] for run in runs)
    ]
    head = ["changed", ">ns of CPU a row", ">÷ as shipped", ">rows/s ÷ as shipped", ">peak MB"]
    return table(head, rows), []
