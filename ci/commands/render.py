"""`roster render`: an environment's manifests on disk."""

from __future__ import annotations

from pathlib import Path

import typer

from ci.commands.session import FINDINGS, day, environment_of, open_fleet, path_of, plain_errors, top
from ci.formats import as_text
from ci.render import NotSound, render


def run(environment: str, agents: list[str], folder: Path | None, today: str) -> None:
    """Writes the files, or says what is wrong and writes nothing."""
    fleet = open_fleet()
    environment_of(fleet, environment)
    only = [path_of(fleet, agent) for agent in agents] or None
    target = folder or top() / "out" / environment
    with plain_errors():
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            inspection = render(fleet, environment, target, day(today), only)
        except NotSound as error:
            typer.echo(as_text(error.inspection.findings), nl=False)
            typer.echo("nothing was written", err=True)
            raise typer.Exit(FINDINGS) from error
    typer.echo(as_text(inspection.findings), err=True, nl=False)
    typer.echo(f"{inspection.agents:,} agents, {inspection.objects:,} objects → {target}")
