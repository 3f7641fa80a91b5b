"""`roster status`: how agents fare in their clusters, from the API server and Prometheus."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import typer

from ci.commands.engine_session import UNREACHABLE
from ci.commands.session import CLEAN, fail, open_fleet, plain_errors
from ci.live.chosen import Chosen, choose
from ci.live.figures import FEW
from ci.live.look import Connections, look
from ci.live.places import Agent, Place
from ci.live.screen import Screen, drawn, show
from ci.live.status import Looked, Row, as_json, rows
from ci.live.status_screen import changes, screen
from ci.terminal import redraws

_WATCH_SECONDS = 5.0
# What is wrong with the kubeconfig of this machine, and not with a cluster.
_NOT_HERE = ("no-kubeconfig", "no-context")


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the command was asked for."""

    chosen: Chosen
    currency: str
    strict: bool
    everything: bool
    one: bool


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one look found; `notes` is what could not be seen, `failed` whether that is a failure."""

    looked: list[Looked]
    rows: list[Row]
    now: datetime
    notes: list[str]
    failed: bool


def run(
    agents: Sequence[str],
    pool: str,
    environment: str,
    watch: bool,
    output_json: bool,
    everything: bool,
    prometheus: str,
) -> None:
    """Prints how agents fare; exits with 0, 2 (usage), or 6 when a cluster or Prometheus could not be asked."""
    fleet = open_fleet()
    try:
        with plain_errors():
            chosen = choose(fleet, agents, pool, environment, prometheus)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    if chosen.broken:
        typer.echo(
            f"roster: `roster check` finds errors in {', '.join(chosen.broken)}: shown where it runs, if at all",
            err=True,
        )
    currency = fleet.catalog.settings.prices.currency
    one = len(agents) == 1 and not watch
    asked = _Asked(chosen, currency, bool(environment), everything, one)
    with Connections() as connections:
        answer = _answered(connections, asked)
        if watch and not (answer.failed and not answer.rows):
            _watch(connections, asked, answer, output_json)
        _print(asked, answer, output_json)
    raise typer.Exit(UNREACHABLE if answer.failed else CLEAN)


def _answered(connections: Connections, asked: _Asked) -> _Answer:
    chosen, now = asked.chosen, datetime.now(UTC)
    only: dict[Place, list[Agent]] | None = None
    if not chosen.whole:
        only = {place: [agent for agent in chosen.agents if agent.place == place] for place in chosen.places}
    tokens = len({agent.key for agent in chosen.agents}) <= FEW
    looked = look(connections, chosen.places, only, tokens, now)
    # Of a cluster that is away there is still what Prometheus knows; of one that was not meant there is nothing.
    nothing = asked.strict or all(one.seen is None for one in looked)
    away = [one for one in looked if one.seen is None and (nothing or one.kind != "no-context")]
    shown = [one for one in looked if one.seen is not None or (one in away and one.measured and one.measured.values)]
    found = rows(shown, chosen.agents, chosen.whole, now)
    notes, failed = _notes(looked, asked.strict)
    missing = [agent.key for agent in chosen.agents if not agent.defined and not any(_is(row, agent) for row in found)]
    if missing and not failed:
        notes.append(f"neither defined nor in a cluster that was asked: {', '.join(sorted(set(missing)))}")
    return _Answer(looked, found, now, notes, failed)


def _is(row: Row, agent: Agent) -> bool:
    return row.agent.key == agent.key


def _notes(looked: Sequence[Looked], strict: bool) -> tuple[list[str], bool]:
    """What could not be seen and why, a line each; and whether that is a failure."""
    nothing = all(one.seen is None for one in looked)
    absent = [one for one in looked if one.kind == "no-context"]
    bare = next((one for one in looked if one.kind == "no-kubeconfig"), None)
    faults = [f"{one.place.name}: {one.fault}" for one in looked if one.kind not in ("", *_NOT_HERE)]
    if bare:
        faults.append(bare.fault)
    elif absent and (strict or nothing):
        faults += [f"{one.place.name}: {one.fault}" for one in absent]
    notes = list(dict.fromkeys(faults))
    if absent and not (strict or nothing):
        names = ", ".join(f"{one.place.name} ({one.place.context})" for one in absent)
        notes.append(f"not asked, for the kubeconfig does not have the context: {names}")
    without = dict.fromkeys(
        one.place.environment for one in looked if not one.place.prometheus and one.seen is not None
    )
    if without:
        notes.append(
            f"no figures and alerts of {', '.join(without)}: give `rollout.gate.prometheus` in "
            "catalog/environments.yaml, or --prometheus"
        )
    problems = dict.fromkeys(
        f"Prometheus at {problem}" for one in looked if one.measured for problem in one.measured.problems
    )
    return [*notes, *problems], bool(faults or problems)


def _print(asked: _Asked, answer: _Answer, output_json: bool, compact: bool = False) -> None:
    if output_json:
        content = as_json(answer.looked, answer.rows, asked.currency, answer.now)
        typer.echo(json.dumps(content, indent=None if compact else 1, ensure_ascii=False))
    elif answer.rows or not answer.failed:
        show(_screen(asked, answer))
    for note in answer.notes:
        typer.echo(f"roster: {note}", err=True)


def _screen(asked: _Asked, answer: _Answer) -> Screen:
    return screen(answer.rows, asked.currency, answer.now, asked.everything, asked.one)


def _watch(connections: Connections, asked: _Asked, answer: _Answer, output_json: bool) -> None:
    """Looks again and again until Ctrl-C, and exits with 0 then."""
    try:
        if redraws(sys.stdout) and not output_json:
            _redrawn(connections, asked, answer)
        else:
            _told(connections, asked, answer, output_json)
    except KeyboardInterrupt:
        raise typer.Exit(CLEAN) from None


def _redrawn(connections: Connections, asked: _Asked, answer: _Answer) -> None:
    from rich.console import Console
    from rich.live import Live

    console = Console()
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            foot = ["", *answer.notes, f"as of {answer.now:%H:%M:%S} UTC; Ctrl-C ends"]
            live.update(drawn([*_screen(asked, answer), *foot], console.width), refresh=True)
            time.sleep(_WATCH_SECONDS)
            answer = _answered(connections, asked)


def _told(connections: Connections, asked: _Asked, answer: _Answer, output_json: bool) -> None:
    """Where nothing can be drawn anew: everything once, then what changes, a line each; as JSON a line a look."""
    _print(asked, answer, output_json, compact=True)
    while True:
        time.sleep(_WATCH_SECONDS)
        before, answer = answer, _answered(connections, asked)
        if output_json:
            _print(asked, answer, output_json, compact=True)
            continue
        for line in changes(before.rows, answer.rows):
            typer.echo(f"{answer.now:%H:%M:%S} {line}")
        for note in answer.notes:
            if note not in before.notes:
                typer.echo(f"roster: {note}", err=True)
        sys.stdout.flush()
