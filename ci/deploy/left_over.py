"""Stacks that hold something and that the catalog names no more: of a lowered shard count, of a pool that is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from components.definition.load_catalog import Catalog
from components.stacks import Stack, all_stacks


@dataclass(frozen=True, slots=True)
class LeftOver:
    """`shards`: their pool has fewer shards now, so that their agents move; `others`: names of all other stacks."""

    shards: list[Stack]
    others: list[str]

    def words(self) -> str:
        """What to say about the others; empty when there are none."""
        if not self.others:
            return ""
        return (
            f"left alone: {', '.join(self.others)}. They hold objects, and the catalog names them no more. "
            "When no other stack holds them and none is needed, `pulumi destroy --stack NAME` deletes them"
        )


def left_over(catalog: Catalog, names: Iterable[str]) -> LeftOver:
    """Those of the named stacks that the catalog does not have."""
    known = {stack.name: stack for stack in all_stacks(catalog)}
    found = LeftOver([], [])
    for name in names:
        if name in known:
            continue
        head, _, tail = name.rpartition(".")
        pool = known.get(head)
        if pool and pool.kind == "pool" and tail.isdecimal():
            number = int(tail)
            found.shards.append(
                Stack(name, pool.environment, pool.cluster, pool.pool, number, "shard", pool.context, number + 1)
            )
        else:
            found.others.append(name)
    return found


def renamed_stacks(catalog: Catalog, names: Iterable[str]) -> str:
    """What to do about stacks from the time when an environment had one cluster, or several; empty with none.

    Their names have the cluster in them, or not. Under new names nothing would be remembered, and the old stacks would
    hold the very objects that the new ones take up.
    """
    known = {stack.name: stack for stack in all_stacks(catalog)}
    moves = []
    for name in sorted(set(names) - known.keys()):
        environment, _, rest = name.partition(".")
        if environment not in catalog.environments:
            continue
        clusters = catalog.environments[environment].clusters
        first, _, last = rest.partition(".")
        wanted = (
            [f"{environment}.{cluster}.{rest}" for cluster in clusters]
            if len(clusters) > 1
            else [f"{environment}.{last}"]
        )
        target = next((one for one in wanted if one in known), "")
        if target and first not in known:
            moves.append(f"pulumi stack rename {target} --stack {name}")
    if not moves:
        return ""
    return (
        "the catalog has another number of clusters than when these stacks were made, and their names would change. "
        "Rename them first (to the cluster that they are in; nothing happens there), then run again:\n  "
        + "\n  ".join(moves)
    )
