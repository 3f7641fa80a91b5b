"""What differs between what the files offer and what the stacks say they applied last. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ci.deploy.offers import Offer, Offers
from ci.engine.records import Record, StackRecord, Unreadable
from components.applied import Applied, Held
from components.sharding import shard_of
from components.stacks import Stack
from stacks.decisions import GOES_BACK, STOPS, images, stopped

Kind = Literal["new", "changed", "removed", "held", "moved", "unproven"]


@dataclass(frozen=True, slots=True, eq=False)
class Change:
    """One agent in one stack.

    `first` says why it waits for neither wave nor freeze (empty when it does); `last` is what was applied (none for a
    new agent); `offer` what the files have (none for one that goes). `held` is the hold that is still in force;
    `barred` says why the agent may not begin to run its image, or may not change at all.
    """

    stack: Stack
    name: str
    kind: Kind
    offer: Offer | None
    last: Applied | None
    first: str = ""
    held: Held | None = None
    target: str = ""
    barred: str = ""

    @property
    def key(self) -> str:
        """`pool/name`."""
        return f"{self.stack.pool}/{self.name}"

    @property
    def digest(self) -> str:
        """Of what is offered; empty for one that goes."""
        return self.offer.digest if self.offer else ""


def shard_changes(stack: Stack, offers: Offers, record: StackRecord, shards: Mapping[str, Stack]) -> list[Change]:
    """The changes of a shard, by name. `shards`: agent → the shard of its pool and cluster that it ought to lie in."""
    known = offers.agents.get((stack.environment, stack.pool), {})
    offered = {name: known[name] for name, home in shards.items() if home == stack}
    found = []
    for name in sorted({*offered, *record.agents}):
        change = change_of(stack, name, offered.get(name), record.agents.get(name), shards.get(name))
        if change:
            found.append(change)
    return found


def leaving(stack: Stack, record: StackRecord, shards: Mapping[int, Stack]) -> list[Change]:
    """The moves of all agents out of a shard that the pool has no more, to the `shards` that it has."""
    found = []
    for name, one in sorted(record.agents.items()):
        home = shards[shard_of(stack.pool, name, len(shards))]
        last = one if isinstance(one, Applied) else None
        found.append(Change(stack, name, "moved", None, last, target=home.name))
    return found


def shared_change(stack: Stack, offers: Offers, record: StackRecord) -> bool:
    """Whether a platform's or pool's own objects differ from what was applied last."""
    offered = offers.shared[stack.environment, stack.pool]
    known: Mapping[str, Record] = record.platform if stack.kind == "platform" else record.pool
    return not any(isinstance(one, Applied) and one.digest == offered for one in known.values())


def change_of(stack: Stack, name: str, offer: Offer | None, record: Record | None, home: Stack | None) -> Change | None:
    """What differs between an agent's offer and its record; None when nothing does."""
    last = record if isinstance(record, Applied) else None
    if offer is None:
        if home is not None and home != stack:
            return Change(stack, name, "moved", None, last, target=home.name)
        held = last.held if last and last.held and not last.held.digest else None
        return Change(stack, name, "held" if held else "removed", None, last, held=held)
    if record is None or isinstance(record, Unreadable) or last is None:
        return Change(stack, name, "new", offer, None, barred=offer.barred or offer.lapsed)
    if last.digest == offer.digest:
        return None if last.proven else Change(stack, name, "unproven", offer, last)
    first = _first(offer, last)
    resumed = stopped(last.manifests) and not offer.suspended
    barred = "" if offer.image in images(last.manifests) and not resumed else offer.barred
    barred = barred or ("" if first else offer.lapsed)
    if last.held and last.held.digest == offer.digest:
        return Change(stack, name, "held", offer, last, held=last.held, barred=barred)
    return Change(stack, name, "changed" if last.digest else "new", offer, last, first=first, barred=barred)


def _first(offer: Offer, last: Applied) -> str:
    """As `stacks.decisions.goes_first`, which has the offered objects themselves."""
    if last.digest and offer.suspended and not stopped(last.manifests):
        return STOPS
    return GOES_BACK if offer.digest in last.earlier and not stopped(last.manifests) else ""
