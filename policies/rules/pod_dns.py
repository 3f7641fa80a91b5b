"""Pods ask the cluster's DNS."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mapping
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

_POLICIES = (None, "ClusterFirst")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    pod = pod_spec(manifest)
    if pod.get("dnsPolicy") not in _POLICIES:
        yield f"the pod has dnsPolicy: {pod['dnsPolicy']}"
    if mapping(pod, "dnsConfig").get("nameservers"):
        yield "the pod names DNS servers of its own"


RULE = Rule(
    id="pod-dns",
    severity="error",
    why="Another name server learns what the agent looks for, and can answer with addresses of its own.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="Roster",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"dnsConfig": {"options": [{"name": "ndots", "value": "1"}]}})),
)
FAILING = (
    alone(deployment({"dnsPolicy": "None"})),
    alone(deployment({"dnsPolicy": "Default"})),
    alone(deployment({"dnsConfig": {"nameservers": ["8.8.8.8"]}})),
)
