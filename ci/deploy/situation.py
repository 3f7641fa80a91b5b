"""What has to be done: the stacks' records held against what the files offer, before anything is run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ci.deploy.changes import Change, leaving, shard_changes, shared_change
from ci.deploy.offers import Offers
from ci.engine.records import StackRecord
from components.definition.load_catalog import Catalog
from components.sharding import shard_of
from components.stacks import Stack, all_stacks
from stacks.decisions import STOPS


@dataclass(slots=True)
class Situation:
    """One environment: which platform and pool stacks differ, and which agents in which shard.

    `faults`: stacks that cannot be applied → why. `applied` counts the agents that run. `unknown`: stacks whose state
    cannot be read → why. `others`: stacks of the environment that were not asked for, and may be moved to all the same.
    """

    environment: str
    stacks: list[Stack]
    shared: list[Stack] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)
    unknown: dict[str, str] = field(default_factory=dict)
    applied: int = 0
    others: list[Stack] = field(default_factory=list)

    def outstanding(self) -> set[str]:
        """Keys of agents, pools and the platform (empty) that are not, or not everywhere, as the files offer them."""
        keys = {one.key for one in self.changes if one.kind in ("new", "changed", "held", "unproven", "removed")}
        keys |= {stack.pool for stack in self.shared}
        for stack in self.stacks:
            if stack.name in self.faults or stack.name in self.unknown:
                keys.add(stack.pool)
        return keys

    def settle(self, done: Sequence[Change]) -> None:
        """Takes changes off that were applied and found well."""
        gone = set(done)
        self.changes = [one for one in self.changes if one not in gone]


def situation(
    environment: str,
    catalog: Catalog,
    offers: Offers,
    records: Mapping[str, StackRecord],
    only: Sequence[str] = (),
    retired: Sequence[Stack] = (),
) -> Situation:
    """Compares records and offers for the environment's stacks, or for those named in `only`.

    `retired` are shards that the catalog has no more: all their agents move.
    """
    everything = [stack for stack in all_stacks(catalog) if stack.environment == environment]
    found = Situation(environment, [stack for stack in everything if not only or stack.name in only])
    homes: dict[tuple[str, str], dict[str, Stack]] = {}
    for stack in found.stacks:
        record = records[stack.name]
        if record.failure:
            found.unknown[stack.name] = record.failure.message
        elif stack.kind in ("platform", "pool"):
            if shared_change(stack, offers, record):
                found.shared.append(stack)
        else:
            found.applied += len(record.agents)
            problems = offers.faults(stack)
            if problems:
                found.faults[stack.name] = "\n".join(str(one) for one in problems)
                # Who must stop does not wait for a neighbour's definition.
                beside = shard_changes(stack, offers, record, _homes(stack, everything, offers))
                found.changes += [change for change in beside if change.first == STOPS]
            elif stack.pool not in offers.defined:
                if record.agents:
                    found.faults[stack.name] = (
                        f"{stack.pool} has no definitions any more, and {len(record.agents)} agents of it run. "
                        f"If they are to go: `roster destroy {stack.name}`"
                    )
            else:
                if (stack.pool, stack.cluster) not in homes:
                    homes[stack.pool, stack.cluster] = _homes(stack, everything, offers)
                found.changes += shard_changes(stack, offers, record, homes[stack.pool, stack.cluster])
    found.others = [stack for stack in everything if stack not in found.stacks]
    for stack in retired:
        found.stacks.append(stack)
        if failure := records[stack.name].failure:
            found.unknown[stack.name] = failure.message
        else:
            found.changes += leaving(stack, records[stack.name], _shards(stack, everything))
    return found


def _homes(stack: Stack, stacks: Sequence[Stack], offers: Offers) -> dict[str, Stack]:
    """Agent → the shard that it ought to lie in, in the pool and cluster of `stack`."""
    shards = _shards(stack, stacks)
    names = offers.agents.get((stack.environment, stack.pool), {})
    return {name: shards[shard_of(stack.pool, name, len(shards))] for name in names}


def _shards(stack: Stack, stacks: Sequence[Stack]) -> dict[int, Stack]:
    """The shards of the pool of `stack`, in its cluster."""
    return {
        other.shard: other
        for other in stacks
        if other.kind == "shard" and (other.pool, other.cluster) == (stack.pool, stack.cluster)
    }
