"""`roster import`: a definition of an elizaOS character that exists already, in the format of any version."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import typer

from ci.character_import.convert import Imported, import_character
from ci.character_import.definition import NewAgent
from ci.character_import.notes import CannotImport
from ci.commands.proposal import Proposal, propose
from ci.commands.session import FINDINGS, day, fail, open_fleet
from components.definition.findings import nearest, one_of
from components.definition.places import agent_of, name_problem
from components.fleet import Fleet


def run(file: Path, pool: str, name: str, owner: str, dry_run: bool) -> None:
    """Writes the definition and the character, and says what was changed; never over a file that is there."""
    fleet = open_fleet()
    catalog = fleet.catalog
    _known("pool", pool, catalog.pools)
    owner = owner or catalog.pools[pool].owner
    _known("team", owner, catalog.entries["teams"])
    if name and name_problem(name):
        raise fail(f"{name!r}: {name_problem(name)}")
    imported = _imported(fleet, file, NewAgent(name, pool, owner))
    for path in fleet.definitions:
        if agent_of(path)[1] == imported.name:
            hint = "" if name else "; say another with --name"
            raise fail(f"the name {imported.name} is taken by {path}; names are unique over all pools{hint}", FINDINGS)
    for path in imported.files:
        if path in fleet.listing.files or path in fleet.listing.links:
            raise fail(f"{path} is there already; nothing was written", FINDINGS)
    notes = tuple(map(str, imported.notes))
    title = f"import {imported.name} into {pool}"
    propose(fleet, Proposal(dict(imported.files), title, strict=True, notes=notes), dry_run)
    if not dry_run:
        typer.echo(f"then: read the notes, and run `roster check` and `roster explain {imported.name}`")


def _imported(fleet: Fleet, file: Path, wish: NewAgent) -> Imported:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise fail(f"{file}: {error.strerror or error}") from error
    try:
        return import_character(data, file.name, wish, fleet.catalog, day(""))
    except CannotImport as error:
        for problem in error.problems:
            typer.echo(problem)
        raise fail("nothing was written", FINDINGS) from error


def _known(kind: str, name: str, known: Iterable[str]) -> None:
    names = list(known)
    if name not in names:
        raise fail(f"no {kind} {name!r}.{nearest(name, names) or f' There is: {one_of(names)}.'}")
