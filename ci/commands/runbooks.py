"""`roster runbooks`: the page of each alert, as a file in `docs/runbooks/`."""

from __future__ import annotations

from pathlib import Path

import typer

from ci.commands.session import CLEAN, FINDINGS, plain_errors
from components.specs.monitoring.all_alerts import ALL_ALERTS
from components.specs.monitoring.runbooks import runbooks

# Beside the code that they are made of, wherever the fleet lies.
FOLDER = Path(__file__).parents[2] / "docs" / "runbooks"


def run(check: bool) -> None:
    """Writes the pages and removes those of alerts that are gone; with `check` only says which differ."""
    pages = runbooks(ALL_ALERTS)
    there = {path.name: path.read_text("utf-8") for path in FOLDER.glob("*.md")}
    differing = sorted(name for name in pages.keys() | there.keys() if pages.get(name) != there.get(name))
    if check:
        for name in differing:
            typer.echo(f"docs/runbooks/{name} is not what its alert says; run `roster runbooks`")
        raise typer.Exit(FINDINGS if differing else CLEAN)
    with plain_errors():
        FOLDER.mkdir(parents=True, exist_ok=True)
        for name in differing:
            if name in pages:
                (FOLDER / name).write_text(pages[name], "utf-8")
            else:
                (FOLDER / name).unlink()
            typer.echo(f"docs/runbooks/{name}{'' if name in pages else ' removed'}")
    typer.echo(
        f"{len(differing)} of {len(pages)} pages written" if differing else "all runbooks are up to date", err=True
    )
