"""docs/benchmarks.md: the text of the template around tables made of the raw figures."""

import contenders
from places import PAGE, TARGET, TEMPLATE
from progress import say
from sections import kernel, latency, memory, row, scale, soak, start, throughput, tune
from table import table

SECTIONS = {
    "throughput": throughput,
    "scale": scale,
    "latency": latency,
    "memory": memory,
    "start": start,
    "tune": tune,
    "soak": soak,
    "kernel": kernel,
    "row": row,
}
VERDICT_HEAD = ["item", "what", ">measured", ">asked", "verdict"]


def write(store):
    page = PAGE if not store.quick else TARGET / "benchmarks-quick.md"
    results = {item: store.read(item) for item in SECTIONS}
    places, verdicts = {}, []
    for item, section in SECTIONS.items():
        places[item] = "Not measured."
        if results[item]:
            places[item], found = section.show(results[item])
            verdicts += found
    losers = [verdict for verdict in verdicts if verdict.missed or verdict.behind]
    asked = [verdict for verdict in verdicts if verdict.target is not None]
    places |= {
        "verdicts": table(VERDICT_HEAD, [verdict.row() for verdict in asked]) if asked else "Not measured.",
        "losers": table(VERDICT_HEAD, [verdict.row() for verdict in losers]) if losers else "None in these figures.",
        "conditions": conditions([result for result in results.values() if result]),
        "java": " ".join(map(str, contenders.JAVA[1:-2])),
    }
    text = TEMPLATE.read_text()
    for name, filled in places.items():
        text = text.replace(f"{{{{{name}}}}}", filled)
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text)
    say(f"written: {page}")


def conditions(results):
    """One column for each machine and set of versions that the figures come from, which should be one."""
    columns = {}
    for result in results:
        columns.setdefault(tuple(described(result).items()), []).append(result)
    if not columns:
        return "Not measured."
    rows = []
    for name in dict(next(iter(columns))):
        rows.append([name, *(dict(column).get(name, "–") for column in columns)])
    days = [", ".join(sorted({result["measured"][:10] for result in of})) for of in columns.values()]
    items = [", ".join(result["item"] for result in of) for of in columns.values()]
    return table(["", *items], [["measured on", *days], *rows])


def described(result):
    machine = result["machine"]
    rows = {
        "processor": machine["processor"] + (", of a virtual machine" if machine["virtual"] else ""),
        "instruction sets": ", ".join(machine["instruction_sets"]) or "–",
        "cores": str(machine["cores"]),
        "frequency governor": machine["governor"] or "not told",
        "memory": f"{machine['memory_bytes'] / 1e9:.0f} GB",
    }
    if "log_in_memory" in machine:
        rows["broker's log"] = "tmpfs" if machine["log_in_memory"] else "**on a disk**"
    return rows | {name: version or "–" for name, version in machine["versions"].items()}
