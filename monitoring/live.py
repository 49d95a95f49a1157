"""Asks a running Prometheus whether the expressions of the dashboard and of the alerts have data in it: live.py URL.

The service has to be healthy and under load. Of an alert the lines with thresholds are left out, so that what is asked
for is what the alert compares.
"""

import json
import math
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import yaml

HERE = Path(__file__).parent
DASHBOARD = HERE.parent / "k8s/overlays/monitoring/dashboard.json"

# What has no data while all is well, and why.
WITHOUT_DATA = {
    "panel Alerts": "no alert fires",
    "alert FlightScorerShortLived": "it counts instances that ended soon after their start",
}
VARIABLES = {"$job": "flight-delay-scorer", "$instance": ".+", "$__rate_interval": "15s"}


def ask(server, query):
    """The samples that a query finds now."""
    parameters = urllib.parse.urlencode({"query": query})
    try:
        with urllib.request.urlopen(f"{server}/api/v1/query?{parameters}", timeout=30) as answer:
            return json.load(answer)["data"]["result"]
    except urllib.error.HTTPError as error:
        sys.exit(f"FAILED  {query}: {json.load(error)['error']}")


def of_dashboard():
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            expression = target["expr"]
            for name, value in VARIABLES.items():
                expression = expression.replace(name, value)
            yield f"panel {panel['title']}", expression


def of_alerts():
    for group in yaml.safe_load((HERE / "alerts.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                yield f"alert {rule['alert']}", re.sub(r"(?m)^\s*[<>=]+ [0-9.]+$", "", rule["expr"])
            else:
                yield f"record {rule['record']}", rule["record"]


def main(server):
    wrong, found = 0, {"panel": 0, "alert": 0, "record": 0}
    for name, expression in [*of_dashboard(), *of_alerts()]:
        data = any(not math.isnan(float(sample["value"][1])) for sample in ask(server, expression))
        if data and name not in WITHOUT_DATA:
            found[name.split()[0]] += 1
        elif data or name not in WITHOUT_DATA:
            wrong += 1
            how = "has data, and is listed as without" if data else "has no data"
            print(f"FAILED  {name} {how}: {' '.join(expression.split())}")
    for kind, count in found.items():
        print(f"ok      {count} expressions of {kind}s have data")
    for name, reason in WITHOUT_DATA.items():
        print(f"ok      {name} has no data: {reason}")
    firing = ask(server, 'ALERTS{alertstate="firing"}')
    for sample in firing:
        print(f"FAILED  {sample['metric']['alertname']} fires although all is well")
    if not firing:
        print("ok      no alert fires while all is well")
    return 1 if wrong or firing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
