"""From the files, the engine's memory and the run's settings to the decisions of one stack."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from components.applied import Applied
from components.definition.findings import Finding
from components.definition.places import agent_of
from components.fleet import Fleet
from components.resources.order import Manifest
from components.stacks import Stack, all_stacks, holds
from stacks.contents import contents
from stacks.decisions import Action, Decision, Objects, RefusedError, decide
from stacks.instructions import Instructions, read_instructions
from stacks.remembered import last_applied
from stacks.stops import stops_alone

_SAID: dict[Action, str] = {"wait": "waits", "hold": "held at what was applied last"}
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is told: `commit` of the files; paths of `run` instructions and `reviewed` digests; `now` in UTC.

    `allow_removals` names the stack of which many agents are meant to go.
    """

    commit: str = ""
    run: str = ""
    reviewed: str = ""
    allow_removals: str = ""
    now: str = ""
    preview: bool = False


def choose(fleet: Fleet, stack: Stack, settings: Settings) -> tuple[str, list[Decision]]:
    """The namespace that the stack's objects are in, and a decision for each part of the stack.

    Raises InvalidInput for faults in the files, ValueError for settings that cannot be read, and
    `stacks.decisions.RefusedError`.
    """
    faults: list[Finding] = []
    held = contents(fleet, stack, settings.now[:10], faults)
    instructions = read_instructions(settings.run) if settings.run else Instructions()
    if settings.allow_removals == stack.name:
        instructions = replace(instructions, allow_removals=True)
    offered: dict[str, Objects] = {part.name: tuple(part.manifests) for part in held.parts}
    last = last_applied()
    if stack.kind == "shard":
        _refuse_moves(fleet, stack, set(offered), set(last))
    barred = {part.name: part.barred for part in held.parts if part.barred}
    if stack.kind == "shard":
        barred |= _moving(fleet, stack, set(last) - set(offered))
    lapsed = {part.name: part.lapsed for part in held.parts if part.lapsed}
    frozen = _frozen(fleet, stack, settings.now)
    if faults:
        decisions = stops_alone(offered, last, instructions, settings.commit, barred, faults)
    else:
        decisions = decide(offered, last, instructions, settings.commit, frozen, barred, lapsed)
    # A preview is what reviewers look at: their record comes after it.
    if settings.reviewed or not settings.preview:
        _refuse_unreviewed(fleet, stack, settings.reviewed, decisions, last)
    if instructions.look is not None:
        if not settings.preview:
            raise RefusedError("`look` is for previews: an up that registers some agents only would delete all others")
        decisions = [one for one in decisions if one.name in instructions.look]
    return held.namespace, decisions


def summary(decisions: Sequence[Decision]) -> list[str]:
    """What is not applied and why, a line a reason."""
    groups: dict[tuple[Action, str], list[str]] = defaultdict(list)
    for one in decisions:
        if one.action in _SAID:
            groups[one.action, one.reason].append(one.name)
    return [
        f"{', '.join(names[:_SHOWN])}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}: "
        f"{_SAID[action]} ({reason})"
        for (action, reason), names in sorted(groups.items())
    ]


def _moving(fleet: Fleet, stack: Stack, gone: set[str]) -> dict[str, str]:
    """Agents of other pools now whose image may not be run yet there: until then they stay where they are → why."""
    found = {}
    for path in fleet.definitions:
        pool, name = agent_of(path)
        if name in gone and pool != stack.pool:
            agent = fleet.examine(path, [stack.environment]).resolved.get(stack.environment)
            if agent and agent.image.barred:
                found[name] = f"it moves to the pool {pool}, and there {agent.image.barred}"
    return found


def _frozen(fleet: Fleet, stack: Stack, now: str) -> str:
    freeze = fleet.catalog.environments[stack.environment].freeze
    return (
        f"{stack.environment} is frozen until {freeze.until}: {freeze.reason}" if freeze and now < freeze.until else ""
    )


def _refuse_moves(fleet: Fleet, stack: Stack, offered: set[str], last: set[str]) -> None:
    """An agent that lies in another shard now is moved within the state: deleting and creating would stop it."""
    defined = {agent_of(path)[1] for path in fleet.definitions if agent_of(path)[0] == stack.pool}
    leaving = sorted(name for name in (last & defined) - offered if not holds(stack, stack.pool, name))
    claimed: dict[str, str] = {}
    if offered - last and stack.shards:
        for other in all_stacks(fleet.catalog):
            if other.kind == "shard" and _beside(other, stack) and other != stack:
                claimed |= {name: other.name for name in last_applied(other.name) if name in offered - last}
    if leaving:
        raise RefusedError(
            f"{_list(leaving)} now belong to another shard of {stack.pool}. `roster up` moves them; {_MOVE}"
        )
    if claimed:
        name, other_name = min(claimed.items())
        raise RefusedError(
            f"{_list(sorted(claimed))} still belong to another stack ({name}: {other_name}). "
            f"`roster up` moves them; {_MOVE}"
        )


_MOVE = "by hand it is `pulumi state move`"


def _beside(one: Stack, other: Stack) -> bool:
    return (one.environment, one.cluster, one.pool) == (other.environment, other.cluster, other.pool)


def _refuse_unreviewed(
    fleet: Fleet, stack: Stack, path: str, decisions: Sequence[Decision], last: dict[str, Applied | None]
) -> None:
    """Every object that would be changed must be one that a reviewed commit's plan recorded."""
    demanded = fleet.catalog.environments[stack.environment].rollout.reviewed_only
    if not path and not demanded:
        return
    from components.reviewed import read_reviewed

    reviewed = read_reviewed(path) if path else None
    unexplained: list[str] = []
    for one in decisions:
        before = last.get(one.name)
        earlier: list[Manifest] = list(before.manifests) if before else []
        if one.action == "apply" and one.record:
            now = list(one.reviewed or one.record.manifests)
            unexplained += (
                reviewed.unexplained(stack.environment, stack.cluster, now, earlier) if reviewed else [one.name]
            )
        elif one.action == "remove":
            unexplained += (
                reviewed.unexplained(stack.environment, stack.cluster, [], earlier) if reviewed else [one.name]
            )
    if unexplained:
        why = "no reviewed commit explains them" if reviewed else "ROSTER_REVIEWED names no record of reviewed plans"
        raise RefusedError(f"{stack.environment} takes reviewed objects only, and {why}: {_list(unexplained)}")


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
