"""Agents and pools give rights in their own namespace only."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import binding, of_agent, of_platform, of_pool, role
from policies.rule import Manifest, Rule, Subject

_CLUSTER_WIDE = frozenset({"ClusterRole", "ClusterRoleBinding"})


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    if subject.pool:
        yield f"a {manifest['kind']} is of the whole cluster"


RULE = Rule(
    id="rbac-in-namespace",
    severity="error",
    why=(
        "A ClusterRole or its binding holds in every namespace, those of the other pools and of the cluster included."
    ),
    fix="Name what the subjects need and no more, in the pool's `access` or in components/specs.",
    kinds=_CLUSTER_WIDE,
    judge=_judge,
    source="NSA/CISA 2022, Authentication and authorization, RBAC; CIS Kubernetes 1.9 5.7.1",
)

PASSING = (of_platform(role("ClusterRole")),)
FAILING = (
    of_pool(role("ClusterRole")),
    of_pool(binding(kind="ClusterRoleBinding")),
    of_agent(binding(kind="ClusterRoleBinding")),
)
