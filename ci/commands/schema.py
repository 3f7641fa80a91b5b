"""`roster schema`: the schemas that editors complete and explain definitions and the catalog with."""

from __future__ import annotations

import typer

from ci.commands.session import CLEAN, FINDINGS, open_fleet, plain_errors, top
from ci.formats import as_text
from ci.schema_files import schema_drift, write_schemas


def run(check: bool) -> None:
    """Writes the schema files; with `check` only says which differ, and exits with 1 when any does."""
    fleet = open_fleet()
    if check:
        drift = schema_drift(fleet)
        typer.echo(as_text(drift), nl=False)
        raise typer.Exit(FINDINGS if drift else CLEAN)
    with plain_errors():
        written = write_schemas(fleet, top())
    for path in written:
        typer.echo(path)
    count = f"{len(written)} schema file{'s' * (len(written) != 1)} written"
    typer.echo(count if written else "all schema files are up to date", err=True)
