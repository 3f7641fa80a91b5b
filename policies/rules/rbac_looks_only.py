"""Roles look; the one thing that they change is that a pod starts anew."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, role
from policies.manifest_reading import mappings, words
from policies.rbac import READ, ROLES
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for rule in mappings(manifest, "rules"):
        # Its Deployment makes the pod again as it was reviewed.
        restarts = words(rule, "resources") == ["pods"] and words(rule, "apiGroups") == [""]
        allowed = {*READ, "delete"} if restarts else set(READ)
        more = [verb for verb in words(rule, "verbs") if verb not in allowed]
        if more:
            yield f"it allows {', '.join(more)} on {', '.join(words(rule, 'resources')) or 'no resource'}"


RULE = Rule(
    id="rbac-looks-only",
    severity="error",
    why="What people change past Git nobody has reviewed, and the next deployment takes it back.",
    fix="Change the definition; the pool's `access` gives nothing but view and operate.",
    kinds=ROLES,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.1.3",
)

PASSING = (
    alone(role()),
    alone(role(verbs=["delete"])),
    alone(role(resources=["externalsecrets"], apiGroups=["external-secrets.io"])),
)
FAILING = (
    alone(role(resources=["externalsecrets"], apiGroups=["external-secrets.io"], verbs=["create"])),
    alone(role(resources=["configmaps"], verbs=["get", "patch"])),
    alone(role(resources=["pods", "services"], verbs=["delete"])),
    alone(role(resources=["pods"], apiGroups=["", "metrics.k8s.io"], verbs=["delete"])),
    alone(role(verbs=["deletecollection"])),
    alone(role("ClusterRole", verbs=["update"])),
)
