"""Roles name verbs, resources and groups."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, role
from policies.manifest_reading import mappings, words
from policies.rbac import ROLES
from policies.rule import Manifest, Rule, Subject

_PARTS = ("verbs", "resources", "apiGroups", "nonResourceURLs")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for rule in mappings(manifest, "rules"):
        for part in _PARTS:
            for one in words(rule, part):
                if "*" in one:
                    yield f"{part} has the wildcard {one}"


RULE = Rule(
    id="rbac-no-wildcards",
    severity="error",
    why="A star also covers what the next version of Kubernetes brings.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.3",
)

PASSING = (alone(role()),)
FAILING = (
    alone(role(verbs=["*"])),
    alone(role(resources=["*"])),
    alone(role(apiGroups=["*"])),
    alone(role(resources=["pods/*"])),
    alone(role(nonResourceURLs=["/*"])),
)
