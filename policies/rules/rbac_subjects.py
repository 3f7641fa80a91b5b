"""Bindings name the groups and accounts that they mean."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, binding
from policies.manifest_reading import mappings, text
from policies.rbac import BINDINGS
from policies.rule import Manifest, Rule, Subject

_GROUPS = frozenset({"system:masters", "system:authenticated", "system:unauthenticated", "system:nodes"})


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for one in mappings(manifest, "subjects"):
        kind, name = text(one, "kind"), text(one, "name")
        if kind == "Group" and (name in _GROUPS or name.startswith("system:serviceaccounts")):
            yield f"it binds the group {name}"
        elif kind == "User" and name.startswith("system:"):
            yield f"it binds the user {name}"
        elif kind == "ServiceAccount" and name in ("", "default"):
            yield f"it binds the default ServiceAccount of {text(one, 'namespace') or 'the namespace'}"
        elif not name or "*" in name:
            yield f"it binds a {kind or 'subject'} that it does not name: {name or 'none'}"


RULE = Rule(
    id="rbac-subjects",
    severity="error",
    why="These subjects are everybody, nobody in particular, or above all rules.",
    fix="Bind a group of the identity provider, from the team's `groups`.",
    kinds=BINDINGS,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.5, 5.1.7",
)

PASSING = (
    alone(binding({"kind": "Group", "name": "growth-engineers"})),
    alone(binding({"kind": "ServiceAccount", "name": "backup", "namespace": "backup"})),
)
FAILING = (
    alone(binding({"kind": "Group", "name": "system:masters"})),
    alone(binding({"kind": "Group", "name": "system:authenticated"})),
    alone(binding({"kind": "Group", "name": "system:unauthenticated"})),
    alone(binding({"kind": "Group", "name": "system:serviceaccounts:business"})),
    alone(binding({"kind": "User", "name": "system:anonymous"})),
    alone(binding({"kind": "ServiceAccount", "name": "default"})),
    alone(binding({"kind": "Group", "name": "*"})),
)
