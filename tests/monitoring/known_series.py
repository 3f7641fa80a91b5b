"""The series that Prometheus has in a cluster with Roster, and their labels: each from a named exporter."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from captures import ENUMERATED, captured, exporters
from promql_labels import Labels, Nonsense, labels_of
from rendered_rules import groups

# What Prometheus gives every series of a scraped target, and what the pools' PodMonitors add.
TARGET = frozenset({"job", "instance"})
OF_PODS = TARGET | {"namespace", "pod", "container", "endpoint", "agent_id", "owner"}
RUNTIMES = frozenset({"fastapi"})
# Their charts scrape without honorLabels: namespace is the controller's there, and the object's has this name.
CONTROLLERS = frozenset({"external_secrets", "cert_manager"})
ERRORS = Path(__file__).parents[2] / "components/images/fastapi/agent/errors.py"
# Values that the captures' objects did not come to. Source: DeploymentReplicaFailure of k8s.io/api/apps/v1, which
# kube-state-metrics takes over as it is, like all conditions.
SELDOM = {("kube_deployment_status_condition", "condition"): {"ReplicaFailure"}}


@cache
def known() -> Mapping[str, Labels]:
    """Name of every series → the labels that it may have; the recorded ones and alerts among them."""
    found: dict[str, Labels] = {}
    for exporter in exporters():
        of_target = OF_PODS if exporter in RUNTIMES else TARGET
        for sample in captured(exporter):
            labels = frozenset(name for name, _ in sample.labels)
            if exporter in CONTROLLERS:
                labels |= {"exported_namespace"}
            found[sample.name] = found.get(sample.name, frozenset()) | labels | of_target
    found["up"] = OF_PODS
    rules = [rule for group in groups() for rule in group["rules"]]
    given = frozenset(label for rule in rules if "alert" in rule for label in rule["labels"])
    found["ALERTS_FOR_STATE"] = given | {"alertname", "namespace", "agent_id"}
    found["ALERTS"] = found["ALERTS_FOR_STATE"] | {"alertstate"}
    for rule in rules:
        if "record" in rule:
            # A rule may read the series that it records, which is then by agent.
            itself = {"namespace", "agent_id"} if rule["record"] in rule["expr"] else ()
            found[rule["record"]] = found.get(rule["record"], frozenset()) | {*rule.get("labels", ()), *itself}
            found[rule["record"]] |= _recorded(rule["expr"], found)
    return found


def values(series: str, label: str) -> set[str]:
    """The values that a label with few values may have; empty where it may have any."""
    if series.startswith("ALERTS"):
        rules = [rule for group in groups() for rule in group["rules"] if "alert" in rule]
        return {"firing", "pending"} if label == "alertstate" else {rule["labels"].get(label, "") for rule in rules}
    if label not in ENUMERATED:
        return set()
    if (series, label) == ("agent_errors_total", "code"):
        return set(re.findall(r"^    ([A-Z_]+) = ", ERRORS.read_text("utf-8"), re.MULTILINE))
    every = (sample for exporter in exporters() for sample in captured(exporter) if sample.name == series)
    return {sample.label(label) for sample in every} | SELDOM.get((series, label), set())


def _recorded(expression: str, found: Mapping[str, Labels]) -> Labels:
    """What the rules themselves read is held against captures elsewhere; all are by agent."""
    try:
        return labels_of(expression, found)
    except Nonsense:
        return frozenset({"namespace", "agent_id"})
