"""Where agents lie: in which stack, and in which cluster. A catalog change can move them without changing an object."""

from __future__ import annotations

from collections import defaultdict

from ci.plan.compare import Change
from components.definition.load_catalog import Catalog
from components.stacks import Stack, all_stacks, holds


class Placement:
    """The stacks of a catalog, found quickly by pool and environment."""

    def __init__(self, catalog: Catalog) -> None:
        self.stacks = all_stacks(catalog)
        self._shards: dict[tuple[str, str], list[Stack]] = defaultdict(list)
        for stack in self.stacks:
            if stack.kind == "shard":
                self._shards[stack.environment, stack.pool].append(stack)

    def of(self, environment: str, pool: str, agent: str) -> list[Stack]:
        """The stacks that hold the agent in an environment, one for each cluster."""
        return [stack for stack in self._shards.get((environment, pool), ()) if holds(stack, pool, agent)]

    def touched(self, changes: list[Change]) -> list[str]:
        """The stacks that hold what changes, in the order in which they are applied."""
        names = {
            stack.name
            for change in changes
            if (known := change.after or change.before)
            for stack in self.of(change.environment, known.pool, known.name)
        }
        shared = {(one.environment, one.pool) for one in changes if one.before is None and one.after is None}
        return [
            stack.name
            for stack in self.stacks
            if stack.name in names or (stack.kind in ("platform", "pool") and (stack.environment, stack.pool) in shared)
        ]


def moves(before: Placement, after: Placement, environment: str, pool: str, agent: str) -> list[str]:
    """What it means that an agent lies elsewhere now, in words; empty when it does not move."""
    olds, news = before.of(environment, pool, agent), after.of(environment, pool, agent)
    if [(one.name, one.context) for one in olds] == [(one.name, one.context) for one in news]:
        return []
    if {one.context for one in olds} == {one.context for one in news}:
        return [f"**moves** from stack {_names(olds)} to {_names(news)}: `pulumi state move`, never delete and create"]
    words = f"**moves** from cluster {_clusters(olds)} to {_clusters(news)}"
    return [f"{words}: what runs in the old one stays there until its stack is destroyed"]


def _names(stacks: list[Stack]) -> str:
    return ", ".join(stack.name for stack in stacks) or "none"


def _clusters(stacks: list[Stack]) -> str:
    return ", ".join(f"{stack.context} ({stack.name})" for stack in stacks) or "none"
