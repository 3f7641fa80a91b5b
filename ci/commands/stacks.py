"""`roster stacks`: the stacks of the fleet, what each holds, and which a change touches and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import typer

from ci.commands.engine_session import engine_errors, opened
from ci.commands.session import FINDINGS, fail, open_fleet, plain_errors, top
from ci.deploy.opening import all_situations, chosen_stacks, offers_for, retired_shards
from ci.deploy.situation import Situation
from ci.tables import print_table
from components.definition.places import agent_of
from components.fleet import Fleet
from components.sharding import shard_of
from components.stacks import Stack


@dataclass(frozen=True, slots=True)
class Touch:
    """Why a stack is touched, and which of its agents are; none where it is more than agents."""

    why: str
    agents: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Row:
    """One stack: how many agents it holds, and why it is touched (empty when it is not)."""

    stack: Stack
    agents: int
    why: str = ""


def run(changed_since: str, since_applied: bool, environment: str, as_json: bool) -> None:
    """Prints the stacks; with a base or the engine's memory, only those that are touched."""
    if changed_since and since_applied:
        raise fail("--changed-since and --since-applied answer two questions; ask one")
    fleet = open_fleet()
    try:
        stacks = chosen_stacks(fleet, [], environment)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    counts = _agents(fleet)
    touches: Mapping[str, Touch] | None = None
    if changed_since:
        touches = since_base(changed_since)
    elif since_applied:
        stacks, touches = _since_applied(fleet, stacks)
    rows = [
        Row(stack, counts[stack.name], touches[stack.name].why if touches else "")
        for stack in stacks
        if touches is None or stack.name in touches
    ]
    _print(rows, as_json, touched=touches is not None)


def since_base(base: str) -> dict[str, Touch]:
    """The stacks whose rendered objects differ from where the branch left `base`."""
    from datetime import UTC, datetime

    from ci.git import GitError
    from ci.plan.make import make_plan
    from ci.plan.placement import Placement
    from components.definition.findings import InvalidInput

    try:
        with plain_errors():
            plan = make_plan(top(), base, datetime.now(UTC).date().isoformat())
    except GitError as error:
        raise fail(str(error)) from error
    except InvalidInput as error:
        raise fail(str(error), FINDINGS) from error
    placement = Placement(open_fleet().catalog)
    touches = {}
    for name in plan.stacks:
        touching = [change for change in plan.changes if name in placement.touched([change])]
        agents = [known for change in touching if (known := change.after or change.before)]
        words = [_count([f"{known.pool}/{known.name}" for known in agents])] if agents else []
        words += ["its own objects"] if len(agents) < len(touching) else []
        touches[name] = Touch(" and ".join(words) or "images", frozenset(known.name for known in agents))
    return touches


def touched(one: Situation) -> dict[str, Touch]:
    """The stacks of an environment that differ from what they applied last."""
    found: dict[str, Touch] = {}
    for stack in one.stacks:
        changes = [change for change in one.changes if change.stack == stack]
        kinds = Counter(change.kind for change in changes)
        words = [f"{count} {kind}" for kind, count in kinds.most_common()]
        whole = (
            (stack in one.shared, "its own objects"),
            (stack.name in one.unknown, "its state cannot be read"),
            (stack.name in one.faults, "definitions have faults"),
        )
        more = [word for holds, word in whole if holds]
        if words or more:
            agents = frozenset() if more else frozenset(change.name for change in changes)
            found[stack.name] = Touch(", ".join([*words, *more]), agents)
    return found


def _since_applied(fleet: Fleet, stacks: Sequence[Stack]) -> tuple[list[Stack], dict[str, Touch]]:
    """The stacks, with shards that the catalog has no more, and those that differ."""
    from ci.engine.records import read_records
    from ci.engine.runs import safe_width
    from ci.engine.stack_names import filled_stacks

    with engine_errors():
        pulumi = opened(top())
        retired, rest = retired_shards(fleet, stacks, filled_stacks(pulumi))
        stacks = [*stacks, *retired]
        records = read_records(pulumi, [stack.name for stack in stacks], safe_width())
    if rest:
        typer.echo(rest, err=True)
    found: dict[str, Touch] = {}
    for one in all_situations(fleet, records, offers_for(fleet, stacks), stacks).values():
        found |= touched(one)
    return list(stacks), found


def _agents(fleet: Fleet) -> Counter[str]:
    """Stack → how many agents it may hold: those of its pool that fall to it and run in its environment."""
    counts: Counter[str] = Counter()
    stacks = [stack for stack in chosen_stacks(fleet, [], "") if stack.kind == "shard"]
    by_pool: dict[tuple[str, int, int], list[Stack]] = {}
    for stack in stacks:
        by_pool.setdefault((stack.pool, stack.shards, stack.shard), []).append(stack)
    sizes = {(stack.pool, stack.shards) for stack in stacks}
    for path in fleet.definitions:
        pool, name = agent_of(path)
        listed = _environments(fleet, path)
        for of_pool, count in sizes:
            if of_pool == pool:
                for stack in by_pool.get((pool, count, shard_of(pool, name, count)), ()):
                    counts[stack.name] += stack.environment in listed
    return counts


def _environments(fleet: Fleet, path: str) -> set[str]:
    from components.definition.load_agent import load_agent

    agent, _ = load_agent(fleet.tree, path, frozenset(fleet.listing.files))
    return set(fleet.environments_of(agent)) if agent else set()


def _count(agents: Sequence[str]) -> str:
    names = sorted(set(agents))
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _print(rows: Sequence[Row], as_json: bool, touched: bool) -> None:
    if as_json:
        content = [
            {
                "stack": row.stack.name,
                "kind": row.stack.kind,
                "environment": row.stack.environment,
                "cluster": row.stack.cluster,
                "pool": row.stack.pool,
                "agents": row.agents,
                "why": row.why,
            }
            for row in rows
        ]
        typer.echo(json.dumps(content, indent=1))
        return
    if touched and not rows:
        typer.echo("no stack is touched")
        return
    holds = {"platform": "what the cluster needs once", "pool": "the pool's own objects"}
    lines = [
        [row.stack.name, holds.get(row.stack.kind) or f"{row.agents} agents", *([row.why] if touched else [])]
        for row in rows
    ]
    print_table(["stack", "holds", *(["touched by"] if touched else [])], lines)
