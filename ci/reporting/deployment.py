"""What a deployment reports: which stacks it was to bring up to date, which it did, what runs since when. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import get_args

from ci.deploy.report import EnvironmentReport, Report, State
from ci.deploy.situation import Situation
from ci.engine.records import StackRecord
from ci.reporting.gauges import (
    AGENT_APPLIED,
    LEAD_TIME,
    RUN_AGENTS,
    STACK_APPLIED,
    STACK_WANTED,
    Group,
    Known,
    Value,
)
from components.applied import Applied
from components.definition.load_catalog import Catalog
from components.specs.names import namespace
from components.stacks import Stack

SETTLED: frozenset[State] = frozenset({"deployed", "removed", "stopped"})
QUANTILES = ("0.5", "0.95")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that `began` at that time (in seconds since 1970). `wanted`: the stacks in which it has something to do."""

    began: float
    wanted: tuple[Stack, ...]


def run_of(situations: Iterable[Situation], frozen: Mapping[str, str], first_only: bool, began: float) -> Run:
    """The stacks in which something differs from what the files offer. A frozen environment waits for nothing but what
    goes past everything, and so does a run of nothing else."""
    found: dict[str, Stack] = {}
    for one in situations:
        waits = first_only or one.environment in frozen
        by_name = {stack.name: stack for stack in (*one.stacks, *one.others)}
        names = set()
        for change in one.changes:
            # Agents that lie in another shard now move there before anything else.
            if change.kind == "moved":
                names |= {change.stack.name, change.target}
            elif change.first or not waits:
                names.add(change.stack.name)
        if not waits:
            names |= {*(stack.name for stack in one.shared), *one.faults, *one.unknown}
        found |= {name: stack for name, stack in by_name.items() if name in names}
    return Run(began, tuple(found.values()))


def beginning(run: Run) -> list[Group]:
    """Before anything is applied. The time is that of the run, not of the commit: while the run before this one was
    under way, what is merged is older than what that run applies, and yet not applied by it."""
    return [Group(_key(stack), (Value(STACK_WANTED, (), run.began),)) for stack in run.wanted]


def ending(
    run: Run,
    report: Report,
    records: Mapping[str, StackRecord],
    known: Iterable[Known],
    catalog: Catalog,
    committed: Callable[[str], float | None],
    now: float,
) -> list[Group]:
    """After the run: one group for each stack whose record can be read, with all agents that run of it.

    `records`: what the stacks remember now. `known`: what the Pushgateway has of runs before. `committed`: when a
    commit was made, for agents that nothing is known of; None when nobody knows.
    """
    before = {(one.name, tuple(sorted(one.labels.items()))): one.value for one in known}
    found = []
    for stack in run.wanted:
        record = records.get(stack.name)
        if record is None or record.failure:
            continue
        environment = report.of(stack.environment)
        earlier = before.get((STACK_APPLIED, _all_labels(stack)))
        applied = now if _complete(stack, environment) else earlier
        values = [Value(STACK_WANTED, (), run.began)]
        if applied is not None:
            values.append(Value(STACK_APPLIED, (), applied))
        space = _space(stack, catalog)
        for name, one in sorted(record.agents.items()):
            if not isinstance(one, Applied) or not one.digest:
                continue
            labels = (space, name, one.commit)
            since = before.get((AGENT_APPLIED, _all_labels(stack, labels)))
            if since is None:
                since = now if _settled_now(stack, name, environment) else committed(one.commit)
            if since is not None:
                values.append(Value(AGENT_APPLIED, labels, since))
        found.append(Group(_key(stack), tuple(values)))
    return found


def figures(report: Report, environments: Sequence[str]) -> list[Group]:
    """One group an environment: how many agents are in which state, and how long it took from the merge."""
    found = []
    for name in environments:
        agents = report.of(name).agents.values()
        states = [one.state for one in agents]
        values = [Value(RUN_AGENTS, (state,), states.count(state)) for state in get_args(State)]
        seconds = sorted(one.seconds for one in agents if one.state == "deployed" and one.seconds > 0)
        if seconds:
            values += [Value(LEAD_TIME, (text,), seconds[ceil(float(text) * len(seconds)) - 1]) for text in QUANTILES]
        found.append(Group({"environment": name}, tuple(values)))
    return found


def _key(stack: Stack) -> dict[str, str]:
    return {"environment": stack.environment, "stack": stack.name}


def _all_labels(stack: Stack, of_agent: tuple[str, ...] = ()) -> tuple[tuple[str, str], ...]:
    """As the Pushgateway says them of what was pushed: with the group's, the job's and an empty instance."""
    labels = {"instance": "", "job": "roster", **_key(stack)}
    if of_agent:
        labels |= dict(zip(("namespace", "agent_id", "commit"), of_agent, strict=True))
    return tuple(sorted(labels.items()))


def _complete(stack: Stack, environment: EnvironmentReport) -> bool:
    """Whether all that was wanted of the stack was applied, and nothing of it is held or waits."""
    said = environment.stacks.get(stack.name)
    if said and said.state == "failed":
        return False
    if stack.kind != "shard":
        return bool(said and said.state == "applied")
    return all(one.state in SETTLED for one in environment.agents.values() if one.stack == stack.name)


def _settled_now(stack: Stack, name: str, environment: EnvironmentReport) -> bool:
    return any(
        one.stack == stack.name and one.state in SETTLED and key.partition(" ")[0] == f"{stack.pool}/{name}"
        for key, one in environment.agents.items()
    )


def _space(stack: Stack, catalog: Catalog) -> str:
    if not stack.pool:
        return ""
    return namespace(stack.pool, catalog.pools[stack.pool], catalog.environments[stack.environment])
