"""Containers of a pod do not see each other's processes."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-process-namespace",
    severity="error",
    why="One container could read the environment of another, with its secrets.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("shareProcessNamespace", None, False),
    source="NSA/CISA 2022, Pod security enforcement",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"shareProcessNamespace": False})),
)
FAILING = (alone(deployment({"shareProcessNamespace": True})),)
