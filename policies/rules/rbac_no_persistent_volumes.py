"""No role makes disks of the cluster."""

from __future__ import annotations

from policies.example import alone, role
from policies.rbac import ROLES, WRITE, no_grant
from policies.rule import Rule

RULE = Rule(
    id="rbac-no-persistent-volumes",
    severity="error",
    why="A PersistentVolume can be a folder of a node.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=no_grant(("persistentvolumes",), WRITE),
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.9",
)

PASSING = (
    alone(role()),
    alone(role(resources=["persistentvolumes"], verbs=["get"])),
)
FAILING = (
    alone(role(resources=["persistentvolumes"], verbs=["create"])),
    alone(role(resources=["persistentvolumes"], verbs=["*"])),
)
