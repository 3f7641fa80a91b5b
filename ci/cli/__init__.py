"""The `roster` command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from typing import Annotated

import typer

from ci.cli.definitions import definitions
from ci.cli.deploying import deploying
from ci.cli.edits import edits
from ci.cli.forge import forge
from ci.cli.images import images
from ci.cli.operations import operations
from ci.cli.security import security

app = typer.Typer(
    name="roster",
    help="Run a fleet of AI agents on Kubernetes from YAML in Git. Definitions lie in agents/POOL/AGENT.yaml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"roster {version('roster')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which Roster this is.")
    ] = False,
) -> None:
    pass


for commands in (definitions, edits, deploying, operations, security):
    app.add_typer(commands)
app.add_typer(images, name="images")
app.add_typer(forge, name="forge")


def main() -> None:
    """The entry point."""
    app()
