"""What promtool's cases leave out: the labels that a scrape adds, and the series of agents that simply run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

Labels = dict[str, str]
_SERIES = re.compile(r"(?P<name>[A-Za-z_:][\w:]*)\{(?P<labels>.*)\}")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
# As the Prometheus operator makes them of the pool's PodMonitor.
_AGENTS = {"job": "business/agents", "container": "agent", "endpoint": "http", "owner": "growth"}
# Its ServiceMonitor has honorLabels: what a series does not say itself is said of the exporter's own pod.
_KUBE_STATE_METRICS = {
    "job": "kube-state-metrics",
    "instance": "10.0.0.9:8080",
    "endpoint": "http",
    "service": "kube-state-metrics",
    "container": "kube-state-metrics",
    "pod": "kube-state-metrics-5f6b8d9c7-x2v4q",
}
_VALUES = re.compile(r"(?P<first>_|stale|-?[\d.e]+)(?P<step>[+-][\d.e]+)?(?:x(?P<times>\d+))?")
_KUBELET = {"job": "kubelet", "instance": "10.0.1.1:10250", "endpoint": "https-metrics", "node": "node-1"}
OWNER = "support"


def parts(series: str) -> tuple[str, Labels]:
    """Name and labels of a series."""
    found = _SERIES.fullmatch(series)
    assert found, f"{series} is not written as name{{label=…}}"
    return found["name"], dict(_LABEL.findall(found["labels"]))


def scraped(series: str) -> str:
    """The series with the labels that it has in Prometheus; those that the case gives stay."""
    name, labels = parts(series)
    labels = {**_added(name, labels), **labels}
    written = ",".join(f'{key}="{value}"' for key, value in labels.items())
    return f"{name}{{{written}}}"


def _added(name: str, labels: Labels) -> Labels:
    if name.startswith("agent_") or (name == "up" and "agent_id" in labels):
        agent = labels["agent_id"]
        pod = labels.get("pod", f"{agent}-1-x")
        said = {} if name == "up" else {"exported_agent_id": agent}
        return {"namespace": "business", "pod": pod, "instance": f"{pod}.pods:8080", **_AGENTS, **said}
    if name.startswith("kube_"):
        uid = {"uid": f"uid-of-{labels['pod']}"} if name.startswith("kube_pod_") else {}
        return {"namespace": "business", **_KUBE_STATE_METRICS, **uid}
    if name.startswith("container_"):
        path = {"id": f"/kubepods/{labels['pod']}", "image": "registry.example.com/fastapi", "name": "1111"}
        cpu = {"cpu": "total"} if name.startswith("container_cpu") else {}
        return {
            "namespace": "business",
            "container": "agent",
            "metrics_path": "/metrics/cadvisor",
            **path,
            **cpu,
        } | _KUBELET
    return {"namespace": "business", "metrics_path": "/metrics", **_KUBELET} if name.startswith("kubelet_") else {}


def running(agents: Mapping[str, int], samples: int) -> list[dict[str, Any]]:
    """The series of agents (name → pods: a-1-x, a-1-y, …) that are scheduled, ready, scraped and do nothing.

    Their Deployments name the team support as owner.
    """
    found = []
    for agent, pods in agents.items():
        role = f'label_app_kubernetes_io_component="agent",label_roster_owner="{OWNER}",label_roster_tier="small"'
        found.append((f'kube_deployment_labels{{deployment="{agent}",{role}}}', 1))
        found.append((f'kube_deployment_spec_replicas{{deployment="{agent}"}}', pods))
        found.append((f'kube_deployment_status_replicas_available{{deployment="{agent}"}}', pods))
        for pod in (f"{agent}-1-{letter}" for letter in "xyzvwu"[:pods]):
            owner = f'owner_is_controller="true",owner_kind="ReplicaSet",owner_name="{agent}-1"'
            found.append((f'kube_pod_owner{{pod="{pod}",{owner}}}', 1))
            found.append((f'up{{agent_id="{agent}",pod="{pod}"}}', 1))
    return [{"series": series, "values": f"{value}x{samples}"} for series, value in found]


def punched(values: str, gaps: Iterable[str]) -> str:
    """The values without the samples of these gaps (first-last, counted from 0), in which scrapes failed."""
    found = [value for token in values.split() for value in _expanded(token)]
    for gap in gaps:
        first, last = map(int, gap.split("-"))
        for index in range(first, min(last + 1, len(found))):
            # A scrape that fails marks its series stale, once.
            found[index] = "stale" if index == first else "_"
    return " ".join(found)


def _expanded(token: str) -> list[str]:
    found = _VALUES.fullmatch(token)
    assert found, f"{token} is no sequence of samples"
    first, times = found["first"], int(found["times"] or 0)
    if first in ("_", "stale"):
        return [first] * max(1, times)
    return [f"{float(first) + index * float(found['step'] or 0):.15g}" for index in range(times + 1)]
