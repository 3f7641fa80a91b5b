"""The `roster` command line. Each command imports what it needs when it runs, so that `--help` is quick."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="roster",
    help="Run a fleet of AI agents on Kubernetes from YAML in Git. Definitions lie in agents/POOL/AGENT.yaml.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


class Format(StrEnum):
    """How findings are printed."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"
    SARIF = "sarif"


class PlanFormat(StrEnum):
    """How a plan is printed."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"


Environment = Annotated[str, typer.Option("--environment", "-e", help="An environment of the catalog.")]
Today = Annotated[str, typer.Option("--today", help="The day that expiry dates are held against, YYYY-MM-DD.")]


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Only findings in these files and folders.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    schemas: Annotated[bool, typer.Option(help="Hold every object against Kubernetes' schemas.")] = True,
    today: Today = "",
) -> None:
    """Say everything that is wrong, at once, with file, line and column. Exit 0 clean, 1 findings, 2 usage."""
    from ci.commands.check import run

    run(paths or [], output.value, schemas, today)


@app.command()
def render(
    environment: Annotated[str, typer.Option("--environment", "-e", help="One environment; all with none.")] = "",
    agents: Annotated[list[str] | None, typer.Argument(help="Just these agents; the rest of the folder stays.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for -e; out/ENVIRONMENT with none.")
    ] = None,
    today: Today = "",
) -> None:
    """Write manifests: one folder an environment, one a pool, one file an agent, one document an object."""
    from ci.commands.render import run

    run(environment, agents or [], folder, today)


@app.command()
def plan(
    base: Annotated[str, typer.Option(help="The branch or commit to compare with.")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="One environment; all with none.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the report; out/plan with none.")
    ] = None,
    output: Annotated[PlanFormat, typer.Option("--format", help="What is printed; all are written.")] = PlanFormat.TEXT,
    allow_removals: Annotated[bool, typer.Option("--allow-removals", help="Many agents are meant to go.")] = False,
    today: Today = "",
) -> None:
    """Say what changes: agents, pods that restart and why, hosts, secrets, cost. Exit 3 when many would be removed."""
    from ci.commands.plan import run

    run(base, environment, folder, output.value, today, allow_removals)


def main() -> None:
    """The entry point."""
    app()
