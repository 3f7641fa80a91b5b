"""The scheduler chooses the node."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-node-chosen-by-scheduler",
    severity="error",
    why="A pod that names its node passes by taints, quotas of nodes and pod priorities.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("nodeName", None, ""),
    source="Roster",
)

PASSING = (alone(deployment()),)
FAILING = (alone(deployment({"nodeName": "control-plane-1"})),)
