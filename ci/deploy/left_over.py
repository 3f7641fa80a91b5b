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
            "When nothing of it is needed, `pulumi destroy --stack NAME` deletes it"
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
