"""`roster codeowners`: who must approve what, for the forge, from the catalog's teams and pools."""

from __future__ import annotations

import typer

from ci.atomic_files import write_file
from ci.codeowners import PATH, NoTeamError, codeowners, codeowners_drift
from ci.commands.session import CLEAN, FINDINGS, fail, open_fleet, plain_errors, top
from ci.formats import FORMATS


def run(check: bool, output: str) -> None:
    """Writes the file; with `check` only says how it differs, and exits with 1 when it does."""
    fleet = open_fleet(output)
    try:
        drift = codeowners_drift(fleet.tree, fleet.catalog)
        text = codeowners(fleet.catalog)
    except NoTeamError as error:
        raise fail(str(error.args[0]), FINDINGS) from error
    if check:
        typer.echo(FORMATS[output](drift), nl=False)
        raise typer.Exit(FINDINGS if drift else CLEAN)
    if not drift:
        typer.echo(f"{PATH} is up to date", err=True)
        return
    with plain_errors():
        (top() / PATH).parent.mkdir(exist_ok=True)
        write_file(top() / PATH, text.encode())
    typer.echo(PATH)
