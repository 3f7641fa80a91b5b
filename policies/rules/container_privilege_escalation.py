"""No process gets more rights than the one that started it."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-privilege-escalation",
    severity="error",
    why="A setuid program in the image would make the agent root.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.allowPrivilegeEscalation", False),
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.6; Pod Security Standards, restricted",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(security={"allowPrivilegeEscalation": True})),
    alone(deployment(security={"allowPrivilegeEscalation": None})),
)
