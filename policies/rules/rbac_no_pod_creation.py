"""No role makes or changes pods or what makes pods."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, WRITE, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-pod-creation",
    severity="error",
    why="Who makes a pod in a namespace can mount each of its Secrets and run as each of its accounts.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(
        (
            "pods",
            "deployments",
            "statefulsets",
            "daemonsets",
            "replicasets",
            "replicationcontrollers",
            "podtemplates",
            "jobs",
            "cronjobs",
            "rollouts",
        ),
        WRITE,
        ("", "apps", "batch", "argoproj.io"),
    ),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.4",
)

PASSING = (
    alone(role()),
    alone(role(verbs=["get", "delete"])),
)
FAILING = (
    alone(role(verbs=["create"])),
    alone(role(resources=["deployments"], apiGroups=["apps"], verbs=["patch"])),
    alone(role(resources=["cronjobs"], apiGroups=["batch"], verbs=["*"])),
)
