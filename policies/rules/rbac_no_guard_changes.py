"""No role takes away what holds a namespace."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import CHANGE, ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-guard-changes",
    severity="error",
    why="Without its NetworkPolicies, quota and labels a namespace holds nothing back.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(
        (
            "namespaces",
            "networkpolicies",
            "resourcequotas",
            "limitranges",
            "ciliumnetworkpolicies",
            "peerauthentications",
            "authorizationpolicies",
        ),
        CHANGE,
        ("", "networking.k8s.io", "cilium.io", "security.istio.io"),
    ),
    source="NSA/CISA 2022, Authentication and authorization, RBAC",
)

PASSING = (
    alone(role()),
    alone(role(resources=["networkpolicies"], apiGroups=["networking.k8s.io"])),
)
FAILING = (
    alone(role(resources=["networkpolicies"], apiGroups=["networking.k8s.io"], verbs=["delete"])),
    alone(role(resources=["namespaces"], verbs=["patch"])),
)
