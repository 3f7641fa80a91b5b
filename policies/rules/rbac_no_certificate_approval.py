"""No role approves or signs certificates."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-certificate-approval",
    severity="error",
    why="Who approves a certificate can become any user of the cluster.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(
        ("certificatesigningrequests/approval", "certificatesigningrequests/status", "signers"),
        (),
        ("certificates.k8s.io",),
    ),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.11",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(resources=["certificatesigningrequests/approval"], apiGroups=["certificates.k8s.io"], verbs=["update"])),
    alone(role(resources=["signers"], apiGroups=["*"], verbs=["approve"])),
)
