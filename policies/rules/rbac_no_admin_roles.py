"""Nobody is bound to a role that may everything."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, binding
from policies.manifest_reading import text
from policies.rbac import BINDINGS
from policies.rule import Manifest, Rule, Subject

_ROLES = frozenset({"cluster-admin", "admin", "edit"})


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    name = text(manifest, "roleRef", "name")
    if name in _ROLES or name.startswith("system:"):
        yield f"it binds the role {name}"


RULE = Rule(
    id="rbac-no-admin-roles",
    severity="error",
    why=(
        "The roles cluster-admin, admin and edit read Secrets, run commands in pods and run as any account; system "
        "roles belong to the cluster's parts."
    ),
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=BINDINGS,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.1",
)

PASSING = (alone(binding({"kind": "Group", "name": "growth-engineers"})),)
FAILING = (
    alone(binding({"kind": "Group", "name": "a"}, to="cluster-admin")),
    alone(binding({"kind": "Group", "name": "a"}, to="edit")),
    alone(binding({"kind": "Group", "name": "a"}, to="system:node")),
)
