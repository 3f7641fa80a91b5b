"""The stacks of a fleet: their names, what each holds, and which must be there before it.

A name reads from the outside in: `images`; `<environment>.platform`; `<environment>.<pool>`;
`<environment>.<pool>.<shard>`. Where an environment has several clusters the cluster's name stands before the pool
(`prod.eu.business.0`) and before `platform`. Names of environments, clusters and pools hold no dots, and no pool may be
called `platform`, so a name means one stack only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from components.definition.findings import nearest
from components.definition.load_catalog import Catalog
from components.resolve.catalog_rules import pool_clusters
from components.sharding import shard_of

Kind = Literal["images", "platform", "pool", "shard"]

IMAGES = "images"
PLATFORM = "platform"


@dataclass(frozen=True, slots=True)
class Stack:
    """One Pulumi stack. What does not apply is empty; `shard` counts from 0, and is -1 for all but shards.

    `context` is the kubeconfig context of its cluster, `shards` how many shards its pool has there.
    """

    name: str
    environment: str
    cluster: str
    pool: str
    shard: int
    kind: Kind
    context: str = ""
    shards: int = 0


def all_stacks(catalog: Catalog) -> list[Stack]:
    """Every stack, each after those that it needs, environments in order of promotion."""
    found = [Stack(IMAGES, "", "", "", -1, "images")]
    for environment in catalog.environments:
        for cluster in catalog.environments[environment].clusters:
            found += _cluster_stacks(catalog, environment, cluster)
    return found


def parse_stack(name: str, catalog: Catalog) -> Stack:
    """The stack of that name. Raises LookupError, with the nearest name, when the fleet has none."""
    known = {stack.name: stack for stack in all_stacks(catalog)}
    if name in known:
        return known[name]
    raise LookupError(f"the fleet has no stack {name!r}.{nearest(name, known)}{_why_not(name, known)}")


def holds(stack: Stack, pool: str, agent: str) -> bool:
    """Whether the agent, if it runs in the stack's environment at all, lies in the stack."""
    return stack.kind == "shard" and stack.pool == pool and shard_of(pool, agent, stack.shards) == stack.shard


def stacks_of_agent(catalog: Catalog, environment: str, pool: str, agent: str) -> list[Stack]:
    """The stacks that hold the agent in an environment: one for each cluster that its pool runs in."""
    return [stack for stack in all_stacks(catalog) if stack.environment == environment and holds(stack, pool, agent)]


def needs(stack: Stack, catalog: Catalog) -> list[Stack]:
    """The stacks that must be applied before this one: a shard needs its pool, a pool the cluster's platform."""
    ranks = {"platform": 0, "pool": 1, "shard": 2}
    if stack.kind not in ranks:
        return []
    return [
        other
        for other in all_stacks(catalog)
        if (other.environment, other.cluster) == (stack.environment, stack.cluster)
        and other.pool in ("", stack.pool)
        and ranks[other.kind] < ranks[stack.kind]
    ]


def _cluster_stacks(catalog: Catalog, environment: str, cluster: str) -> Iterator[Stack]:
    clusters = catalog.environments[environment].clusters
    context = clusters[cluster].context
    prefix = f"{environment}.{cluster}" if len(clusters) > 1 else environment
    yield Stack(f"{prefix}.{PLATFORM}", environment, cluster, "", -1, "platform", context)
    for name, pool in catalog.pools.items():
        if environment in catalog.pool_environments(name) and cluster in pool_clusters(catalog, name, environment):
            count = (pool.shards or {}).get(environment, 1)
            yield Stack(f"{prefix}.{name}", environment, cluster, name, -1, "pool", context, count)
            for shard in range(count):
                yield Stack(f"{prefix}.{name}.{shard}", environment, cluster, name, shard, "shard", context, count)


def _why_not(name: str, known: dict[str, Stack]) -> str:
    """What a name that is not known would need, when all but its last part is."""
    head, _, tail = name.rpartition(".")
    if tail.isdigit() and head in known and known[head].shards:
        return f" {head} has {known[head].shards} shards, counted from 0."
    return ""
