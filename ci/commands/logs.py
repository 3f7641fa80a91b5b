"""`roster logs`: what an agent's pods write, readable, and followed across restarts and new pods."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

import typer

from ci.cluster.kubeconfig import ClusterError
from ci.cluster.observed import Observed, observe
from ci.commands.engine_session import UNREACHABLE
from ci.commands.session import CLEAN, FINDINGS, environment_of, fail, open_fleet
from ci.live.chosen import choose
from ci.live.log_lines import parsed
from ci.live.log_pods import Run, Source, sources
from ci.live.log_reading import MOST_LINES, Follower, Said, Wanted, read
from ci.live.look import Connections
from ci.live.places import Agent
from ci.live.words import count
from components.definition.pasted_secrets import without_secrets
from components.fleet import Fleet

if TYPE_CHECKING:
    from ci.cluster.client import Cluster

_LINES = 200
_FIRST_LINES = 20
_SINCE = re.compile(r"([1-9][0-9]{0,5})(s|m|h|d)")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class _Printing:
    """How lines are printed. `labels`: each with its pod; `marked`: those of the newest revision with an asterisk.

    `told` is whether the last line of each log was an error; what belongs to it follows.
    """

    agent: str
    raw: bool
    errors: bool
    labels: bool
    marked: bool
    told: dict[Source, bool] = field(default_factory=dict)


def run(
    agent: str, environment: str, follow: bool, since: str, errors: bool, previous: bool, output_json: bool
) -> None:
    """Prints the lines; exits with 0, 1 (there are none to be had), 2 (usage), or 6 when a cluster is out of reach."""
    if follow and previous:
        raise fail("--follow shows what is written now, --previous what the run before wrote; ask for one")
    seconds = _since(since)
    lines = MOST_LINES if seconds else _FIRST_LINES if follow else _LINES
    wanted = Wanted(lines, seconds, previous)
    fleet = open_fleet()
    agents, others = _agents(fleet, agent, environment)
    with Connections() as connections:
        if follow:
            _follow(connections, agents, wanted, output_json, errors)
        code = _show(connections, agents, wanted, output_json, errors)
    if code == UNREACHABLE and others:
        _note(f"{agents[0].key} runs in {', '.join(others)} as well: -e {others[-1]}")
    raise typer.Exit(code)


def _agents(fleet: Fleet, name: str, environment: str) -> tuple[list[Agent], list[str]]:
    """The agent in each cluster of an environment: of the last one that it runs in where none was named.

    With the names of the other environments, in order of promotion.
    """
    if environment:
        environment_of(fleet, environment)
    try:
        chosen = choose(fleet, [name], "", environment)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    *others, last = dict.fromkeys(agent.place.environment for agent in chosen.agents)
    return [agent for agent in chosen.agents if agent.place.environment == last], others


def _since(text: str) -> int:
    """Seconds; 0 with none. Exits with 2 when it is no length of time."""
    if not text:
        return 0
    match = _SINCE.fullmatch(text)
    if match is None:
        raise fail(f"--since: {text!r} is no length of time such as 30s, 10m, 2h or 1d")
    return int(match[1]) * _SECONDS[match[2]]


def _found(connections: Connections, agent: Agent, several: bool) -> tuple[Cluster, Mapping[Source, Run]]:
    """The agent's containers in its place. Raises ClusterError."""
    try:
        cluster = connections.of(agent.place)
        key = agent.namespace, agent.name
        seen: Observed = observe(cluster, [key])[key]
    except ClusterError:
        connections.forget(agent.place)
        raise
    return cluster, sources(seen, agent.place.cluster if several else "")


def _show(connections: Connections, agents: Sequence[Agent], wanted: Wanted, raw: bool, errors: bool) -> int:
    said: list[Said] = []
    all_runs: dict[Source, Run] = {}
    code = CLEAN
    for agent in agents:
        try:
            cluster, runs = _found(connections, agent, len(agents) > 1)
            asked = _readable(agent, runs, wanted)
            found, faults = read(cluster, asked, wanted)
        except ClusterError as error:
            _note(f"{agent.place.name}: {error}")
            code = UNREACHABLE
            continue
        all_runs |= runs
        said += found
        for source, why in faults.items():
            _note(f"{source.pod}: {why}")
        if len(faults) == len(asked):
            code = code or FINDINGS
        for source in _cut(found, wanted):
            _note(
                f"{source.pod}: just its last {wanted.lines:,} lines are shown"
                + ("" if wanted.since_seconds else "; --since 1h shows more")
            )
    printing = _printing(agents[0], all_runs, raw, errors)
    for one in sorted(said, key=lambda one: one.stamp):
        _print(one, printing)
    return code


def _readable(agent: Agent, runs: Mapping[Source, Run], wanted: Wanted) -> list[Source]:
    """The logs that can be there; says why others cannot."""
    if not runs:
        why = f": suspended by {agent.suspended}" if agent.suspended else "; `roster status` says more"
        _note(f"{agent.key} has no pods in {agent.place.name}{why}")
    for source, one in runs.items():
        if one.waits:
            _note(f"{source.pod} has written nothing yet: {one.waits}")
        elif wanted.previous and not one.count:
            _note(f"{source.pod} was never restarted")
    return [source for source, one in runs.items() if not one.waits and (one.count or not wanted.previous)]


def _cut(said: Sequence[Said], wanted: Wanted) -> list[Source]:
    counts: dict[Source, int] = {}
    for one in said:
        counts[one.source] = counts.get(one.source, 0) + 1
    return [source for source, many in counts.items() if many >= wanted.lines]


def _printing(agent: Agent, runs: Mapping[Source, Run], raw: bool, errors: bool) -> _Printing:
    newest = sum(source.newest for source in runs)
    marked = 0 < newest < len(runs)
    if len(runs) > 1 and not raw:
        _note(f"{count(len(runs), 'pod')} of {agent.key}" + ("; * marks the newest revision" if marked else ""))
    return _Printing(agent.name, raw, errors, len(runs) > 1, marked)


def _follow(connections: Connections, agents: Sequence[Agent], wanted: Wanted, raw: bool, errors: bool) -> None:
    """Until Ctrl-C, which ends it well."""
    several = len(agents) > 1
    looks = [partial(_found, connections, agent, several) for agent in agents]
    follower = Follower(looks, wanted, _note)
    # Pods come and go: each line says whose it is, and whether its revision is the newest at that time.
    printing = _Printing(agents[0].name, raw, errors, labels=True, marked=True)
    try:
        for one in follower.lines():
            _print(one, printing)
            sys.stdout.flush()
    except ClusterError as error:
        raise fail(str(error), UNREACHABLE) from error
    except KeyboardInterrupt:
        raise typer.Exit(CLEAN) from None


def _print(one: Said, printing: _Printing) -> None:
    line = parsed(one.text, one.stamp)
    printing.told[one.source] = line.bad or (line.belongs and printing.told.get(one.source, False))
    if printing.errors and not printing.told[one.source]:
        return
    if printing.raw:
        typer.echo(without_secrets(one.text))
        return
    mark = ("* " if one.source.newest else "  ") if printing.marked else ""
    label = f"{mark}{one.source.label(printing.agent)}  " if printing.labels else ""
    typer.secho(f"{label}{line.shown(datetime.now(UTC))}", fg=_colour(line.level, line.bad))


def _colour(level: str, bad: bool) -> str | None:
    return "red" if bad else "yellow" if level in ("WARNING", "WARN") else None


def _note(text: str) -> None:
    with suppress(OSError):
        typer.echo(f"roster: {text}", err=True)
