"""`roster render`: an environment's manifests on disk."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from ci.commands.session import FINDINGS, day, environment_of, fail, open_fleet, path_of, plain_errors, top
from ci.formats import as_text
from ci.render import NotSound, render
from components.definition.places import agent_of
from components.fleet import Fleet


def run(environment: str, agents: list[str], folder: Path | None, today: str) -> None:
    """Writes the files, or says what is wrong and writes nothing."""
    fleet = open_fleet()
    if folder and not environment:
        raise fail("--output is one environment's folder; say which with -e")
    environments = [environment_of(fleet, environment)] if environment else list(fleet.catalog.environments)
    only = [path_of(fleet, agent) for agent in agents] or None
    for path in only or ():
        examined = fleet.examine(path)
        if environment and examined.agent and environment not in fleet.environments_of(examined.agent):
            where = ", ".join(fleet.environments_of(examined.agent))
            raise fail(f"{'/'.join(agent_of(path))} does not run in {environment}; it runs in {where}")
    date = day(today)
    for name in environments:
        _render_one(fleet, name, folder or top() / "out" / name, date, only)


def _render_one(fleet: Fleet, environment: str, target: Path, date: str, only: list[str] | None) -> None:
    with plain_errors():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            inspection = render(fleet, environment, target, date, only)
        except NotSound as error:
            typer.echo(as_text(error.inspection.findings), nl=False)
            typer.echo("nothing was written", err=True)
            raise typer.Exit(FINDINGS) from error
    typer.echo(as_text(inspection.findings), err=True, nl=False)
    count = len({one.key for one in inspection.facts})
    what = f"{count:,} agent{'s' * (count != 1)}, {inspection.objects:,} objects"
    typer.echo(f"{environment}: {what} → {os.path.relpath(target)}")
