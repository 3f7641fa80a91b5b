"""No role makes tokens of ServiceAccounts."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-token-creation",
    severity="error",
    why="Who makes a token of an account is that account, for as long as it asked for.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(("serviceaccounts/token",), ("create",)),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.13",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(resources=["serviceaccounts/token"], verbs=["create"])),
    alone(role(resources=["*/token"], verbs=["*"])),
)
