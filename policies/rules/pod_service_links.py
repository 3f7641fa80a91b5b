"""Pods do not get the addresses of all Services of their namespace."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-service-links",
    severity="error",
    why="Variables that other Services bring into the pod tell of its neighbours, and can replace the agent's own.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("enableServiceLinks", False),
    source="Roster",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment({"enableServiceLinks": True})),
    alone(deployment({"enableServiceLinks": None})),
)
