"""`roster migrate`: definitions in the newest version of their format."""

from __future__ import annotations

import typer

from ci.commands.edit import text_of
from ci.commands.proposal import Proposal, propose
from ci.commands.session import CLEAN, FINDINGS, fail, open_fleet, path_of
from ci.edit_yaml import EditError
from ci.migrations import migrate
from components.definition.agent import VERSION


def run(agents: list[str], dry_run: bool) -> None:
    """Moves the definitions named (all with none); writes all of them or none."""
    fleet = open_fleet()
    paths = [path_of(fleet, agent) for agent in agents] or fleet.definitions
    changes: dict[str, bytes | None] = {}
    problems = []
    for path in paths:
        text = text_of(fleet, path)
        try:
            edited = migrate(text)
        except EditError as error:
            problems.append(f"{path}: {error}")
            continue
        if edited != text:
            changes[path] = edited.encode()
    if problems:
        typer.echo("\n".join(problems))
        raise fail("nothing was written", FINDINGS)
    if not changes:
        typer.echo(f"{len(paths):,} definitions are in version {VERSION} already")
        raise typer.Exit(CLEAN)
    propose(fleet, Proposal(changes, f"move {len(changes):,} definitions to version {VERSION}"), dry_run)
