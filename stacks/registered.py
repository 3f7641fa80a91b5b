"""Registers what was decided, and says what the stack exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from components.resources.registration import AgentResources, ManifestSet, PlatformResources, PoolResources
from components.stacks import Kind, Stack
from stacks.decisions import Decision

COMPONENTS: dict[Kind, type[ManifestSet]] = {
    "platform": PlatformResources,
    "pool": PoolResources,
    "shard": AgentResources,
}


def register(stack: Stack, decisions: Sequence[Decision], namespace: str) -> dict[str, Any]:
    """Registers every object of the stack; returns the stack's outputs.

    `objects`: how many; `agents` (of a shard), or `pool`, or `platform`: name → {commit, digest} of what was applied
    last; `held`: name → {commit, digest, why, reason} of what is not to be applied; `namespace`: where (of a pool and a
    shard).
    """
    from components.resources.cluster import cluster_provider

    provider = cluster_provider(stack.environment, stack.cluster, stack.context)
    applied: dict[str, Any] = {}
    held: dict[str, Any] = {}
    objects = 0
    for one in decisions:
        if one.record is None:
            continue
        opts = pulumi.ResourceOptions(provider=provider)
        component = COMPONENTS[stack.kind](one.name, one.record, namespace=namespace, opts=opts)
        objects += len(one.record.manifests)
        if one.record.digest:
            applied[one.name] = component.applied
        if one.record.held:
            held[one.name] = one.record.outputs()["held"]
    outputs: dict[str, Any] = {"agents" if stack.kind == "shard" else stack.kind: applied, "objects": objects}
    if held:
        outputs["held"] = held
    if namespace:
        outputs["namespace"] = namespace
    return outputs
