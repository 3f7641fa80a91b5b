"""No pod asks for the node's own user numbers."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-host-users",
    severity="error",
    why="A process that breaks out of its container would have the node's user of the same number.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("hostUsers", None, False),
    source="NSA/CISA 2022, Pod security enforcement; Kubernetes, User namespaces",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"hostUsers": False})),
)
FAILING = (alone(deployment({"hostUsers": True})),)
