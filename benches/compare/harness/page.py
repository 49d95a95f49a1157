"""docs/benchmarks.md: the text of the template around tables made of the raw figures."""

import contenders
import table
import verdict
from figures import Spread
from places import PAGE, TARGET, TEMPLATE
from progress import say
from sections import kernel, latency, memory, row, scale, soak, start, throughput, tune

SECTIONS = {
    "throughput": throughput,
    "latency": latency,
    "start": start,
    "scale": scale,
    "tune": tune,
    "soak": soak,
    "kernel": kernel,
    "row": row,
}
# In the page's order.
JUDGED = ["throughput", "scale", "tune", "latency", "memory", "start", "soak", "kernel", "row"]
NOT_MEASURED = "Not measured."


def write(store):
    page = PAGE if not store.quick else TARGET / "benchmarks-quick.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(text({item: store.read(item) for item in SECTIONS}))
    say(f"written: {page}")


def text(results):
    """Of results by item, None of those that were not measured."""
    measured = {item: result for item, result in results.items() if result and result["runs"]}
    places, verdicts = {}, {}
    for item, section in SECTIONS.items():
        parts = [NOT_MEASURED]
        if item in measured:
            shown, verdicts[item] = section.show(measured[item])
            parts = [shown, *disturbance(measured[item]["runs"])]
        if results[item] and results[item]["failures"]:
            parts.append(failures(results[item]["failures"]))
        places[item] = "\n\n".join(parts)
    places["memory"] = NOT_MEASURED
    of = [measured.get(item) for item in ("throughput", "latency", "soak")]
    if any(of):
        places["memory"], verdicts["memory"] = memory.show(*of)
    judged = [found for item in JUDGED for found in verdicts.get(item, ()) if found.measured]
    asked = [found for found in judged if found.target is not None]
    places |= {
        "verdicts": verdict_table(asked, NOT_MEASURED),
        "losers": verdict_table([found for found in judged if found.is_lost], "None in these figures."),
        "figures": verdict_table([found for found in judged if found.target is None], NOT_MEASURED),
        "conditions": conditions(list(measured.values())),
        "java": " ".join(map(str, contenders.JAVA[1:-2])),
    }
    page = TEMPLATE.read_text()
    for name, filled in places.items():
        page = page.replace(f"{{{{{name}}}}}", filled)
    return page


def verdict_table(verdicts, otherwise):
    return table.table(verdict.HEAD, [found.row() for found in verdicts]) if verdicts else otherwise


def disturbance(runs):
    """How much the hypervisor took, where it was looked at."""
    stolen = Spread.of(100 * run["stolen"] for run in runs if "stolen" in run)
    if not stolen:
        return []
    repeated = sum(run.get("repeated", False) for run in runs)
    return [
        f"In a run the hypervisor gave {table.shown(stolen)} % of the time of a core, the broker's or the contender's, to "
        f"others; of {repeated} of these {stolen.count} runs it is the second try."
    ]


def failures(of):
    """What failed; why is in the raw figures."""
    lost = [failure["what"] for failure in of if failure["lost"]]
    repeated = len([failure for failure in of if not failure["lost"]])
    parts = [f"Failed and repeated: {repeated} {'run' if repeated == 1 else 'runs'}."] if repeated else []
    if lost:
        parts.append(f"**Failed, and not in these figures**: {'; '.join(lost)}.")
    return " ".join(parts)


def conditions(results):
    """One column for each machine and set of versions that the figures come from, which should be one."""
    columns = {}
    for result in results:
        columns.setdefault(tuple(described(result["machine"]).items()), []).append(result)
    if not columns:
        return NOT_MEASURED
    items = [", ".join(result["item"] for result in of) for of in columns.values()]
    rows = [
        ["measured on", *(", ".join(sorted({result["measured"][:10] for result in of})) for of in columns.values())],
        ["broker's log", *map(log, columns.values())],
    ]
    names = dict.fromkeys(name for column in columns for name, _ in column)
    rows += [[name, *(dict(column).get(name, "–") for column in columns)] for name in names]
    return table.table(["", *items], rows)


def log(results):
    """Where the broker of these had its data."""
    places = {result["log_in_memory"] for result in results if "log_in_memory" in result}
    return ", ".join("tmpfs" if in_memory else "**on a disk**" for in_memory in sorted(places)) or "–"


def described(machine):
    rows = {
        "processor": machine["processor"] + (", of a virtual machine" if machine["virtual"] else ""),
        "instruction sets": ", ".join(machine["instruction_sets"]) or "–",
        "processors": str(machine["cores"]),
        "broker and contender run on": machine["run_on"],
        "frequency governor": machine["governor"] or "not told",
        "memory": f"{machine['memory_bytes'] / 1e9:.0f} GB",
    }
    return rows | {name: version or "–" for name, version in machine["versions"].items()}
