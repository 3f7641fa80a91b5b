"""Registers what a stack holds, and says what it exports."""

from __future__ import annotations

from typing import Any

import pulumi

from components.resources.registration import AgentResources, ManifestSet, PlatformResources, PoolResources
from components.stacks import Kind
from stacks.contents import Contents

COMPONENTS: dict[Kind, type[ManifestSet]] = {
    "platform": PlatformResources,
    "pool": PoolResources,
    "shard": AgentResources,
}


def register(held: Contents, commit: str) -> dict[str, Any]:
    """Registers every object of the stack; returns the stack's outputs.

    `objects`: how many; `agents` (of a shard), or `pool`, or `platform`: name → {commit, digest} of what was applied;
    `namespace`: where (of a pool and a shard).
    """
    stack = held.stack
    if stack.kind == "images":
        return {"images": "not built by this program yet", "objects": 0}
    from components.resources.cluster import cluster_provider

    provider = cluster_provider(stack.environment, stack.cluster, stack.context)
    applied = {}
    for part in held.parts:
        opts = pulumi.ResourceOptions(provider=provider)
        component = COMPONENTS[stack.kind](
            part.name, part.manifests, namespace=part.namespace, commit=commit, opts=opts
        )
        applied[part.name] = component.applied
    outputs: dict[str, Any] = {"agents" if stack.kind == "shard" else stack.kind: applied, "objects": held.objects}
    if held.namespace:
        outputs["namespace"] = held.namespace
    return outputs
