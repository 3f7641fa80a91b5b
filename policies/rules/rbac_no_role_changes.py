"""No role changes roles and bindings."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import CHANGE, ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-role-changes",
    severity="error",
    why="Rights are given by review, in Git; who changes bindings gives them to anybody.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(
        ("roles", "rolebindings", "clusterroles", "clusterrolebindings"), CHANGE, ("rbac.authorization.k8s.io",)
    ),
    source="NSA/CISA 2022, Authentication and authorization, RBAC",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(resources=["rolebindings"], apiGroups=["rbac.authorization.k8s.io"], verbs=["create"])),
    alone(role(resources=["*"], apiGroups=["*"], verbs=["*"])),
)
