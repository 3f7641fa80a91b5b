"""No role gets a shell in a pod."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-exec",
    severity="error",
    why="Who runs a command in an agent's pod is that agent, with its secrets, and past every review.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(("pods/exec", "pods/attach", "pods/ephemeralcontainers")),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.4",
)

PASSING = (
    alone(role()),
    alone(role(resources=["pods/log"])),
    alone(role(resources=["pods/portforward"], verbs=["create"])),
)
FAILING = (
    alone(role(resources=["pods/exec"], verbs=["create"])),
    alone(role(resources=["pods/attach"], verbs=["get"])),
    alone(role(resources=["*/exec"], verbs=["create"])),
    alone(role(resources=["pods/ephemeralcontainers"], verbs=["patch"])),
)
