"""What every command begins with: the repository's top, the fleet, the day; and how it ends on bad input."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from ci.formats import FORMATS
from components.definition.findings import InvalidInput
from components.definition.tree import AGENTS, WorkTree
from components.fleet import Fleet

CLEAN, FINDINGS, USAGE = 0, 1, 2


def top() -> Path:
    """The repository's top: the nearest folder upwards with `agents/`. Exits with 2 when there is none."""
    try:
        here = Path.cwd()
    except FileNotFoundError as error:
        raise fail("this folder no longer exists; change to one that does") from error
    for folder in (here, *here.parents):
        if (folder / AGENTS).is_dir():
            return folder
    raise fail(f"there is no folder {AGENTS}/ here or above; run roster in a repository of agents")


def open_fleet(output: str = "text") -> Fleet:
    """The fleet of the work tree. Prints what is wrong with the catalog and exits with 1 when it is not sound."""
    try:
        return Fleet.open(WorkTree(top()))
    except InvalidInput as error:
        typer.echo(FORMATS[output](error.findings), nl=False)
        raise typer.Exit(FINDINGS) from error


def day(today: str) -> str:
    """The ISO date given, or today's."""
    if not today:
        return datetime.datetime.now(datetime.UTC).date().isoformat()
    try:
        return datetime.date.fromisoformat(today).isoformat()
    except ValueError as error:
        raise fail(f"--today: {today!r} is not a date such as 2027-01-31") from error


def environment_of(fleet: Fleet, name: str) -> str:
    """An environment's name, checked. Exits with 2 when the catalog has none of that name."""
    from components.definition.findings import nearest, one_of

    known = fleet.catalog.environments
    if name not in known:
        raise fail(f"no environment {name!r}.{nearest(name, known) or f' There is: {one_of(known)}.'}")
    return name


def path_of(fleet: Fleet, agent: str) -> str:
    """The definition's path of an agent given by name, pool/name or path. Exits with 2 when there is none."""
    try:
        return fleet.find(agent)
    except LookupError as error:
        raise fail(str(error.args[0])) from error


def fail(message: str, code: int = USAGE) -> typer.Exit:
    """Says on standard error what went wrong; raise what it returns."""
    typer.echo(f"roster: {message}", err=True)
    return typer.Exit(code)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turns the few errors that come from outside (disk, workers) into one line and exit code 1."""
    from ci.gitleaks import GitleaksFailure
    from ci.output_folder import OutputFolderError
    from ci.parallel import WorkerDied

    try:
        yield
    except (OutputFolderError, WorkerDied, GitleaksFailure, OSError) as error:
        raise fail(str(error), FINDINGS) from error
