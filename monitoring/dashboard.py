"""Prints the Grafana dashboard, in the order in which one looks at it on call.

Thresholds, and the links to what to do, are those of alerts.yaml.
"""

import json
import re
from pathlib import Path

import yaml

ALERTS = {
    rule["alert"]: rule
    for group in yaml.safe_load((Path(__file__).parent / "alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
# Stands for the matchers of the selected instances.
OURS = 'job=~"$job", instance=~"$instance"'
WIDTH = 24


def limit(alert):
    """The first threshold of an alert, and the colour of its severity."""
    rule = ALERTS[alert]
    value = float(re.search(r"^\s*[<>=]+ ([0-9.]+)$", rule["expr"], re.MULTILINE)[1])
    return value, {"critical": "red", "warning": "orange"}[rule["labels"]["severity"]]


def panel(title, description, unit, *targets, kind="timeseries", width=8, height=7, alerts=(), **more):
    """A panel. A target is a pair of an expression, in which OURS stands for the matchers, and a legend."""
    steps = [{"color": "green", "value": None}]
    custom = {"drawStyle": "line", "fillOpacity": 8, "lineWidth": 1, "showPoints": "never", "spanNulls": False}
    for alert in alerts:
        value, color = limit(alert)
        steps.append({"color": color, "value": value})
    if alerts:
        description += " Alert: " + ", ".join(alerts) + "."
        custom["thresholdsStyle"] = {"mode": "line"}
    # Below a threshold is what is wrong with these: none is up, none is ready.
    if more.get("good_above"):
        steps = [{"color": "red", "value": None}, {"color": "green", "value": 1}]
    defaults = {
        "unit": unit,
        "thresholds": {"mode": "absolute", "steps": steps},
        "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"},
        "mappings": more.get("mappings", []),
    }
    options = {
        "timeseries": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "stat": {
            "colorMode": "background",
            "graphMode": "area",
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "textMode": more.get("text", "auto"),
        },
        "state-timeline": {
            "mergeValues": True,
            "showValue": "never",
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        },
    }[kind]
    if kind == "timeseries":
        defaults |= {"custom": custom, "min": more.get("min", 0)}
    if not defaults["mappings"]:
        del defaults["mappings"]
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "gridPos": {"w": width, "h": height},
        "links": [
            {"title": f"What to do: {alert}", "url": ALERTS[alert]["annotations"]["runbook_url"], "targetBlank": True}
            for alert in alerts
        ],
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": options,
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": expr.replace("OURS", OURS),
                "legendFormat": legend,
            }
            for index, (expr, legend) in enumerate(targets)
        ],
    }


def stat(title, description, unit, *targets, **more):
    return panel(title, description, unit, *targets, kind="stat", width=more.pop("width", 4), height=4, **more)


def quantiles(metric, by=""):
    """Median and 99th percentile of a histogram."""
    within = f", {by}" if by else ""
    legend = f"{{{{{by}}}}}, " if by else ""
    return [
        (
            f"histogram_quantile({q}, sum by (le{within}) (rate({metric}_bucket{{OURS}}[$__rate_interval])))",
            f"{legend}p{round(q * 100)}",
        )
        for q in (0.5, 0.99)
    ]


def states(*names):
    """0, 1 as words, in red and green."""
    colors = ("red", "green")
    return [
        {
            "type": "value",
            "options": {str(i): {"text": name, "color": colors[i], "index": i} for i, name in enumerate(names)},
        }
    ]


ROWS = {
    "Is it up, is it ready?": [
        stat(
            "Instances up",
            "Instances that Prometheus reaches.",
            "none",
            ("sum(up{OURS})", ""),
            good_above=True,
        ),
        stat(
            "Instances ready",
            "Instances that have a broker and are members of their group: those that score records as they come.",
            "none",
            ("sum(flight_scorer_ready{OURS})", ""),
            good_above=True,
        ),
        stat(
            "Partitions owned",
            "Partitions of the input topic that the instances own together: all of them, or nobody reads the others.",
            "none",
            ("sum(flight_scorer_partitions_assigned{OURS})", ""),
            good_above=True,
        ),
        stat(
            "Versions",
            "Instances by the version that runs; two only while a new one is rolled out.",
            "none",
            ("count by (version) (flight_scorer_build_info{OURS})", "{{version}}"),
        ),
        stat(
            "Youngest instance",
            "Time since the last start of any instance. It stays small where instances start again and again.",
            "s",
            ("time() - max(process_start_time_seconds{OURS})", ""),
        ),
        stat(
            "Records waiting",
            "Records in the input topic that are not scored yet.",
            "short",
            ("sum(max by (topic, partition) (flight_scorer_consumer_lag_records{OURS}))", ""),
        ),
        panel(
            "Alerts",
            "Alerts that fire. The runbook, docs/operations.md, has a paragraph for each.",
            "none",
            ('max by (alertname) (ALERTS{alertname=~"FlightScorer.+", alertstate="firing"})', "{{alertname}}"),
            kind="state-timeline",
            width=12,
            mappings=[{"type": "value", "options": {"1": {"text": "fires", "color": "red", "index": 0}}}],
        ),
        panel(
            "Ready",
            "When each instance was ready. /health/ready says why one is not.",
            "none",
            ("min by (instance) (flight_scorer_ready{OURS})", "{{instance}}"),
            kind="state-timeline",
            width=12,
            mappings=states("not ready", "ready"),
        ),
    ],
    "Throughput": [
        panel(
            "In",
            "Records read from the input topic a second, by instance. Stacked up they are what comes in, as long as "
            "nothing waits.",
            "cps",
            ("sum by (instance) (rate(flight_scorer_records_consumed_total{OURS}[$__rate_interval]))", "{{instance}}"),
            width=12,
        ),
        panel(
            "Out",
            "What became of them a second: predictions by label, dead letters, tombstones. Together they are as many as "
            "came in.",
            "cps",
            ("sum by (label) (rate(flight_scorer_predictions_total{OURS}[$__rate_interval]))", "{{label}}"),
            ("sum(rate(flight_scorer_dead_letters_total{OURS}[$__rate_interval]))", "dead letters"),
            ("sum(rate(flight_scorer_tombstones_total{OURS}[$__rate_interval]))", "tombstones"),
            width=12,
        ),
    ],
    "Lag": [
        panel(
            "Time to catch up",
            "How long the instances need at their present speed for the records that wait.",
            "s",
            (
                "sum by (namespace, job) (max by (namespace, job, topic, partition) (flight_scorer_consumer_lag_records{OURS})) "
                "/ on (namespace, job) sum by (namespace, job) (rate(flight_scorer_records_consumed_total{OURS}[5m]))",
                "{{job}}",
            ),
            alerts=["FlightScorerLagHigh"],
        ),
        panel(
            "Records waiting, by partition",
            "One line that grows alone is a partition that nobody reads, or a key that half of the records have.",
            "short",
            ("max by (topic, partition) (flight_scorer_consumer_lag_records{OURS})", "{{partition}}"),
        ),
        panel(
            "Growth in ten minutes",
            "How many more records wait than ten minutes ago. Above zero for long, flights come faster than they are "
            "scored.",
            "short",
            ('delta(flight_scorer:lag_records{job=~"$job"}[10m])', "{{job}}"),
            alerts=["FlightScorerLagGrowing"],
            min=None,
        ),
    ],
    "Latency": [
        panel(
            "End to end",
            "From the timestamp of a record to the acknowledgement of its prediction; with exactly once to the commit of "
            "its transaction. Old flights that are sent with their old timestamps count for a minute, which is the most "
            "that is told apart.",
            "s",
            *quantiles("flight_scorer_end_to_end_latency_seconds"),
            width=12,
        ),
        panel(
            "Stages of a batch, 99th percentile",
            "poll: from the first record of a batch to its last. score: split, encode, run the model. produce: encode "
            "the outputs and hand them over, waiting where the brokers are slow.",
            "s",
            quantiles("flight_scorer_stage_duration_seconds", "stage")[1],
            width=12,
        ),
    ],
    "Checkpoints": [
        panel(
            "Age of the last",
            "Time since the oldest of the workers' last checkpoints. Offsets move only with a checkpoint; what was read "
            "since is scored again after a crash.",
            "s",
            ("max by (instance) (flight_scorer_checkpoint_age_seconds{OURS})", "{{instance}}"),
            alerts=["FlightScorerNoCheckpoint"],
        ),
        panel(
            "Duration",
            "How long a checkpoint takes: all outputs acknowledged and the offsets committed. It is the brokers' time.",
            "s",
            *quantiles("flight_scorer_checkpoint_duration_seconds"),
        ),
        panel(
            "Failed",
            "Checkpoints that moved no offset, and transactions that were aborted, in a quarter of an hour. A few come "
            "with each rebalance.",
            "short",
            ("sum by (instance) (increase(flight_scorer_checkpoint_failures_total{OURS}[15m]))", "{{instance}}, failed"),
            (
                "sum by (namespace, job) (increase(flight_scorer_transactions_aborted_total{OURS}[15m]))",
                "{{job}}, aborted transactions",
            ),
            alerts=["FlightScorerTransactionsAborted"],
        ),
    ],
    "Dead letters": [
        panel(
            "Share",
            "How many of the records cannot be scored.",
            "percentunit",
            (
                "sum by (namespace, job) (rate(flight_scorer_dead_letters_total{OURS}[5m])) "
                "/ on (namespace, job) sum by (namespace, job) (rate(flight_scorer_records_consumed_total{OURS}[5m]))",
                "{{job}}",
            ),
            alerts=["FlightScorerDeadLetterShare"],
        ),
        panel(
            "By reason, in an hour",
            "Records that cannot be scored. The reason, and the column, position and value, are in each dead letter's "
            "headers.",
            "short",
            ("sum by (reason) (increase(flight_scorer_dead_letters_total{OURS}[1h]))", "{{reason}}"),
            alerts=["FlightScorerDeadLetters"],
        ),
        panel(
            "Not as they came, in an hour",
            "Dead letters without their value; records whose timestamp the topic would refuse; positions outside of the "
            "input topic's log. Each should be zero.",
            "short",
            ("sum(increase(flight_scorer_dead_letters_truncated_total{OURS}[1h]))", "dead letters without value"),
            ("sum(increase(flight_scorer_timestamps_replaced_total{OURS}[1h]))", "timestamps replaced"),
            ("sum(increase(flight_scorer_offset_resets_total{OURS}[1h]))", "offsets reset"),
            alerts=["FlightScorerDeadLettersTruncated"],
        ),
    ],
    "Workers and the group": [
        panel(
            "Workers built again, in a quarter of an hour",
            "Workers that failed, as when a record could not be delivered or no broker was there. The log says why.",
            "short",
            ("sum by (instance) (increase(flight_scorer_worker_restarts_total{OURS}[15m]))", "{{instance}}"),
            alerts=["FlightScorerWorkersRebuilt"],
        ),
        panel(
            "Rebalances, in a quarter of an hour",
            "Changes of partitions. Lost: taken away without a last checkpoint, from an instance that the group had "
            "given up.",
            "short",
            ("sum by (kind) (increase(flight_scorer_rebalances_total{OURS}[15m]))", "{{kind}}"),
        ),
        panel(
            "Partitions by instance",
            "An instance without any is idle: there are more instances than partitions.",
            "none",
            ("max by (instance) (flight_scorer_partitions_assigned{OURS})", "{{instance}}"),
        ),
        panel(
            "Partitions lost, in an hour",
            "How often each instance was put out of its group.",
            "short",
            ('sum by (instance) (increase(flight_scorer_rebalances_total{OURS, kind="lost"}[1h]))', "{{instance}}"),
            alerts=["FlightScorerPartitionsLost"],
            width=12,
        ),
        panel(
            "Starts, in half an hour",
            "Starts of each instance under the same address after its first.",
            "short",
            ("max by (instance) (changes(process_start_time_seconds{OURS}[30m]))", "{{instance}}"),
            alerts=["FlightScorerRestartLoop"],
            width=12,
        ),
    ],
    "Resources": [
        panel(
            "Processor",
            "Cores that each instance uses. A worker uses one at most, librdkafka some beside it.",
            "none",
            ("sum by (instance) (rate(process_cpu_seconds_total{OURS}[$__rate_interval]))", "{{instance}}"),
        ),
        panel(
            "Memory",
            "Resident memory of each instance, and the least budget of them.",
            "bytes",
            ("max by (instance) (process_resident_memory_bytes{OURS})", "{{instance}}"),
            ("min(flight_scorer_memory_budget_bytes{OURS})", "budget"),
        ),
        panel(
            "Memory, of the budget",
            "The budget is the container's limit, above which the kernel ends the process, or the setting memory.limit.",
            "percentunit",
            (
                "max by (instance) (process_resident_memory_bytes{OURS} "
                "/ on (namespace, job, instance) flight_scorer_memory_budget_bytes{OURS})",
                "{{instance}}",
            ),
            alerts=["FlightScorerMemoryHigh"],
        ),
    ],
    "Model": [
        stat(
            "Models in service",
            "Instances by model: name, version and role. More than one champion only while a new one is rolled out.",
            "none",
            ("count by (name, version, role) (flight_scorer_model_info{OURS})", "{{role}}: {{name}} {{version}}"),
            width=12,
            text="value_and_name",
        ),
        stat(
            "Fast kernel",
            "Whether a fast kernel evaluates the trees. Without one the scores are the same and take many times as long.",
            "none",
            ("min by (role) (flight_scorer_model_kernel{OURS})", "{{role}}"),
            width=6,
            text="value_and_name",
            mappings=states("no", "yes"),
            good_above=True,
        ),
        stat(
            "Models refused, in an hour",
            "Models that were offered and did not prove themselves. /status says why.",
            "none",
            (
                'sum by (role) (increase(flight_scorer_model_reloads_total{OURS, result="refused"}[1h]))',
                "{{role}}",
            ),
            width=6,
            text="value_and_name",
            alerts=["FlightScorerModelRefused"],
        ),
        panel(
            "AUC, over the last hour",
            "The chance that a flight that was late has the higher probability than one that was not, over all "
            "instances: 1 is perfect, 0.5 is a coin. The alert compares it with the week.",
            "none",
            ('flight_scorer:quality_auc{job=~"$job"}', "{{sha256}}"),
            (
                'max by (namespace, job) (avg_over_time(flight_scorer:quality_auc{job=~"$job"}[7d]))',
                "{{job}}, best of the week",
            ),
            min=None,
        ),
        panel(
            "AUC, fallen by",
            "How far it is below the best average of the week.",
            "none",
            (
                'max by (namespace, job) (avg_over_time(flight_scorer:quality_auc{job=~"$job"}[7d])) '
                '- on (namespace, job) group_right () flight_scorer:quality_auc{job=~"$job"}',
                "{{sha256}}",
            ),
            alerts=["FlightScorerQualityFallen"],
            min=None,
        ),
        panel(
            "Brier score and log loss, over the last hour",
            "Both measure how far the probabilities are from what came true, over all instances: the smaller the better.",
            "none",
            (
                "sum by (role, sha256) (increase(flight_scorer_quality_squared_error_total{OURS}[1h])) "
                "/ on (role, sha256) sum by (role, sha256) (increase(flight_scorer_quality_verdicts_total{OURS}[1h]))",
                "Brier, {{role}}",
            ),
            (
                "sum by (role, sha256) (increase(flight_scorer_quality_log_loss_total{OURS}[1h])) "
                "/ on (role, sha256) sum by (role, sha256) (increase(flight_scorer_quality_verdicts_total{OURS}[1h]))",
                "log loss, {{role}}",
            ),
        ),
        panel(
            "Drift, over the last day",
            "How far features and scores have moved from the training: the population stability index. 0.1 is worth a "
            "look. Dates always move, and have no alert.",
            "none",
            ('flight_scorer:drift_psi{job=~"$job"}', "{{feature}}"),
            alerts=["FlightScorerDrift"],
        ),
        panel(
            "Values that training did not know",
            "Share of the records that have one, by column. To the model they are missing.",
            "percentunit",
            (
                "sum by (column) (rate(flight_scorer_unknown_categories_total{OURS}[$__rate_interval])) "
                "/ on () group_left () sum(rate(flight_scorer_records_consumed_total{OURS}[$__rate_interval]))",
                "{{column}}",
            ),
        ),
        panel(
            "Late flights, said and true",
            "Share of the judged rows that the champion calls late, and share that was late, over the last hour.",
            "percentunit",
            (
                'sum(increase(flight_scorer_quality_verdicts_total{OURS, role="champion", verdict="positive"}[1h])) '
                '/ sum(increase(flight_scorer_quality_verdicts_total{OURS, role="champion"}[1h]))',
                "said to be late",
            ),
            (
                'sum(increase(flight_scorer_quality_verdicts_total{OURS, role="champion", truth="positive"}[1h])) '
                '/ sum(increase(flight_scorer_quality_verdicts_total{OURS, role="champion"}[1h]))',
                "were late",
            ),
        ),
        panel(
            "Challenger: AUC less the champion's",
            "By instance, with its 95 % interval, over the sliding window. An interval above zero says that the "
            "challenger is better.",
            "none",
            (
                'max by (instance, estimate) (flight_scorer_challenger_auc_difference{OURS, window="sliding"})',
                "{{instance}}, {{estimate}}",
            ),
            min=None,
        ),
        panel(
            "Challenger: same verdict",
            "Share of rows on which it agrees with the champion, by instance, over the sliding window.",
            "percentunit",
            (
                'max by (instance) (flight_scorer_challenger_agreement_ratio{OURS, window="sliding"})',
                "{{instance}}",
            ),
        ),
        panel(
            "Challenger: cost and trouble",
            "Share of a core that it takes, and workers in which it failed and was put aside.",
            "none",
            ("sum(rate(flight_scorer_challenger_seconds_total{OURS}[$__rate_interval]))", "cores"),
            ("sum by (sha256) (flight_scorer_challenger_failures_total{OURS})", "{{sha256}}, workers without it"),
            alerts=["FlightScorerChallengerFailed"],
        ),
    ],
}


def variable(name, label, query):
    # No value of its own for "All" of the jobs: it would be every job there is, and `up` and `process_*` are not only
    # this service's. All instances are those of the jobs, also those that are gone.
    everything = {"allValue": ".+"} if name == "instance" else {}
    return everything | {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "sort": 1,
        "multi": True,
        "includeAll": True,
        "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        "options": [],
        "regex": "",
        "hide": 0,
    }


def laid_out():
    """The panels of all rows from left to right and from top to bottom, each row under its heading."""
    panels, y = [], 0
    for title, members in ROWS.items():
        heading = {"type": "row", "title": title, "collapsed": False, "panels": []}
        panels.append(heading | {"gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
        x, y, height = 0, y + 1, 0
        for member in members:
            place = member["gridPos"]
            if x + place["w"] > WIDTH:
                x, y, height = 0, y + height, 0
            place |= {"x": x, "y": y}
            x, height = x + place["w"], max(height, place["h"])
            panels.append(member)
        y += height
    for number, member in enumerate(panels, 1):
        member["id"] = number
    return panels


DASHBOARD = {
    "uid": "flight-delay-scorer",
    "title": "Flight delay scorer",
    "description": "The service over all its instances, in the order in which one looks at it on call.",
    "tags": ["flight-delay-scorer", "kafka"],
    "schemaVersion": 39,
    "version": 1,
    "editable": False,
    "graphTooltip": 1,
    "time": {"from": "now-1h", "to": "now"},
    "refresh": "30s",
    "timezone": "browser",
    "links": [],
    "annotations": {"list": []},
    "templating": {
        "list": [
            {
                "name": "datasource",
                "label": "Data source",
                "type": "datasource",
                "query": "prometheus",
                "current": {},
                "options": [],
                "refresh": 1,
                "regex": "",
                "hide": 0,
            },
            variable("job", "Job", "label_values(flight_scorer_build_info, job)"),
            variable("instance", "Instance", 'label_values(flight_scorer_build_info{job=~"$job"}, instance)'),
        ]
    },
    "panels": laid_out(),
}

if __name__ == "__main__":
    print(json.dumps(DASHBOARD, indent=2, ensure_ascii=False))
