"""`roster explain`: one agent, each value with the file and line that it comes from."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import typer

from ci.commands.session import FINDINGS, environment_of, fail, open_fleet, path_of
from ci.explain import TOPICS, Line, explain
from ci.formats import as_text
from ci.tables import print_groups
from components.definition.findings import errors, one_of
from components.fleet import Examined, Fleet

_LONGEST = 80


def run(agent: str, environment: str, as_json: bool) -> None:
    """Prints the agent as it is in `environment`, or in the last one that it runs in."""
    fleet = open_fleet()
    path = path_of(fleet, agent)
    chosen = environment_of(fleet, environment) if environment else ""
    examined = fleet.examine(path)
    loaded = examined.agent
    if loaded is None or not examined.resolved or (chosen and chosen not in examined.resolved):
        raise _impossible(fleet, examined, chosen)
    chosen = chosen or list(examined.resolved)[-1]
    resolved = examined.resolved[chosen]
    lines = explain(resolved, loaded, fleet.catalog)
    if as_json:
        values = [asdict(line) for line in lines]
        known = {"agent": resolved.key, "environment": chosen, "file": path, "suspended": resolved.suspended}
        typer.echo(json.dumps({**known, "values": values}, indent=2, ensure_ascii=False))
    else:
        others = [one for one in examined.resolved if one != chosen]
        _print(f"{resolved.key} in {chosen}", others, lines, resolved.suspended)
    if errors(examined.findings):
        typer.echo(as_text(errors(examined.findings)), err=True, nl=False)
        raise typer.Exit(FINDINGS)


def _impossible(fleet: Fleet, examined: Examined, environment: str) -> typer.Exit:
    if errors(examined.findings):
        typer.echo(as_text(errors(examined.findings)), nl=False)
        return fail(f"{examined.path} cannot be resolved{f' in {environment}' if environment else ''}", FINDINGS)
    runs_in = fleet.environments_of(examined.agent) if examined.agent else []
    return fail(f"{examined.path} does not run in {environment}; it runs in {one_of(runs_in)}")


def _print(title: str, others: list[str], lines: list[Line], suspended: str) -> None:
    typer.secho(title, bold=True, nl=False)
    typer.echo(f" (also in {', '.join(others)}: -e ENV)" if others else "")
    if suspended:
        typer.secho(f"suspended by {suspended}: no pods, no traffic", fg="yellow")
    groups = {topic: [line for line in lines if line.topic == topic] for topic in TOPICS}
    print_groups(
        {
            topic: [(one.field, _shown(one.value), one.place, one.source) for one in inside]
            for topic, inside in groups.items()
        }
    )


def _shown(value: Any) -> str:
    """A value on one line; texts of many lines and long lists are cut, `--json` has them whole."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and "\n" not in value.strip():
        return value.strip()
    text = value.strip().replace("\n", " ⏎ ") if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
