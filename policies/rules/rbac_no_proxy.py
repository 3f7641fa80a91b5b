"""No role goes through the API server to nodes, pods or Services."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-proxy",
    severity="error",
    why=(
        "The API server's proxy passes by NetworkPolicies, and the one of nodes commands the kubelet without "
        "a trace in the audit log."
    ),
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(("nodes/proxy", "pods/proxy", "services/proxy")),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.10",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(resources=["nodes/proxy"], verbs=["get"])),
    alone(role(resources=["*/proxy"])),
    alone(role(resources=["services/proxy"], verbs=["create"])),
)
