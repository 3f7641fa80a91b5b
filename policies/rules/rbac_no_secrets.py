"""No role reads or writes Secrets."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-secrets",
    severity="error",
    why="Who reads the Secrets of a namespace has the credentials of all of its agents.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(("secrets",)),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.2",
)

PASSING = (
    alone(role()),
    alone(role(resources=["secretstores"], apiGroups=["external-secrets.io"])),
)
FAILING = (
    alone(role(resources=["secrets"])),
    alone(role(resources=["pods", "secrets"], verbs=["list"])),
    alone(role(resources=["*"])),
    alone(role(resources=["secrets"], verbs=["create"])),
)
