"""`roster new`: a first definition that passes `roster check` at once."""

from __future__ import annotations

from collections.abc import Iterable

import typer

from ci.commands.proposal import Proposal, propose
from ci.commands.session import FINDINGS, day, fail, open_fleet
from ci.first_definition import Wish, first_files
from components.definition.findings import nearest, one_of
from components.definition.places import agent_of, name_problem
from components.fleet import Fleet


def run(name: str, pool: str, runtime: str, owner: str, description: str, dry_run: bool) -> None:
    """Writes the files, or says what is wrong with the wish; never over a file that is there."""
    fleet = open_fleet()
    catalog = fleet.catalog
    problem = name_problem(name)
    if problem:
        raise fail(f"{name!r}: {problem}")
    _known("pool", pool, catalog.pools)
    _known("runtime", runtime, catalog.entries["runtimes"])
    owner = owner or catalog.pools[pool].owner
    _known("team", owner, catalog.entries["teams"])
    _free(fleet, name)
    description = description or f"The agent {name}; say here what it is for."
    files = first_files(Wish(name, pool, runtime, owner, description), catalog, day(""))
    for path in files:
        if path in fleet.listing.files or path in fleet.listing.links:
            raise fail(f"{path} is there already; nothing was written", FINDINGS)
    propose(fleet, Proposal(dict(files), f"add {name} to {pool}", strict=True), dry_run)
    if not dry_run:
        typer.echo(f"then: edit it, and run `roster check` and `roster explain {name}`")


def _known(kind: str, name: str, known: Iterable[str]) -> None:
    known = list(known)
    if name not in known:
        raise fail(f"no {kind} {name!r}.{nearest(name, known) or f' There is: {one_of(known)}.'}")


def _free(fleet: Fleet, name: str) -> None:
    for path in fleet.definitions:
        if agent_of(path)[1] == name:
            raise fail(f"the name {name} is taken by {path}; names are unique over all pools")
