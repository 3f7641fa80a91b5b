"""No role changes what the API server asks before it takes an object."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import CHANGE, ROLES, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-webhooks",
    severity="error",
    why=(
        "A webhook sees every object, Secrets included, and can change it; an admission policy taken away "
        "lets in any image."
    ),
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(
        (
            "validatingwebhookconfigurations",
            "mutatingwebhookconfigurations",
            "validatingadmissionpolicies",
            "validatingadmissionpolicybindings",
            "mutatingadmissionpolicies",
            "mutatingadmissionpolicybindings",
        ),
        CHANGE,
        ("admissionregistration.k8s.io",),
    ),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.12",
)

PASSING = (alone(role()),)
FAILING = (
    alone(
        role(resources=["mutatingwebhookconfigurations"], apiGroups=["admissionregistration.k8s.io"], verbs=["create"])
    ),
    alone(role(resources=["validatingadmissionpolicies"], apiGroups=["*"], verbs=["delete"])),
)
