"""Roles say themselves what they allow, and add to no other."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, role
from policies.manifest_reading import mapping
from policies.rbac import ROLES
from policies.rule import Manifest, Rule, Subject

_LABEL = "rbac.authorization.k8s.io/aggregate-to-"


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    if manifest.get("aggregationRule"):
        yield "it is aggregated from other roles"
    for label in mapping(manifest, "metadata", "labels"):
        if str(label).startswith(_LABEL):
            yield f"it adds to the role {str(label).removeprefix(_LABEL)}"


RULE = Rule(
    id="rbac-no-aggregation",
    severity="error",
    why="An aggregated role grows by whatever another object adds to it, without a change of its own.",
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=ROLES,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC",
)

PASSING = (
    alone(role()),
    alone(role("ClusterRole")),
)
FAILING = (
    alone({**role("ClusterRole"), "aggregationRule": {"clusterRoleSelectors": [{}]}}),
    alone(
        {
            **role("ClusterRole"),
            "metadata": {"name": "x", "labels": {"rbac.authorization.k8s.io/aggregate-to-edit": "true"}},
        }
    ),
)
