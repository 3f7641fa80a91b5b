"""Containers drop all capabilities."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-capabilities-dropped",
    severity="error",
    why="NET_RAW and the other capabilities of a fresh container let it forge packets and change owners of files.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.capabilities.drop", ["ALL"]),
    source=(
        "NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.8, 5.2.10; Pod Security Standards, restricted"
    ),
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(security={"capabilities": {"drop": []}})),
    alone(deployment(security={"capabilities": None})),
    alone(deployment(security={"capabilities": {"drop": ["NET_RAW"]}})),
)
