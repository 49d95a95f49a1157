"""Looks whether each alert is complete: a severity, a paragraph of the runbook, tests. complete.py RUNBOOK_URL."""

import re
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).parent
RUNBOOK = "docs/operations.md"


def complaints(base):
    groups = yaml.safe_load((HERE / "alerts.yaml").read_text())["groups"]
    alerts = {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
    headings = set(re.findall(r"(?m)^#+ (FlightScorer\w+)$", (HERE.parent / RUNBOOK).read_text()))
    tests = (HERE / "alerts_test.yaml").read_text()
    for name in headings - alerts.keys():
        yield f"{RUNBOOK} has {name}, which is no alert"
    for name, rule in alerts.items():
        if name not in headings:
            yield f"{name} has no heading in {RUNBOOK}"
        if rule["annotations"].get("runbook_url") != (url := f"{base}#{name.lower()}"):
            yield f"{name}: its runbook_url is not {url}"
        if rule["labels"].get("severity") not in ("critical", "warning"):
            yield f"{name}: its severity is neither critical nor warning"
        if not re.search(rf"alertname: {name}, exp_alerts: \[\]", tests):
            yield f"{name}: there is no test in which it does not fire"
        if not re.search(rf"alertname: {name}\n\s+exp_alerts:\n", tests):
            yield f"{name}: there is no test in which it fires"


if __name__ == "__main__":
    sys.exit("\n".join(complaints(sys.argv[1])) or 0)
