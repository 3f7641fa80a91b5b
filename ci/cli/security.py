"""`roster scan`, `threat` and `secrets`: what scanners say, what an agent could do, which secrets it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ci.cli.options import Agent, Agents, Format, Json, OneEnvironment, Pool, Today

security = typer.Typer(rich_markup_mode=None)


@security.command()
def scan(
    base: Annotated[
        str, typer.Option("--base", metavar="REF", help="Just what differs from this branch or commit.")
    ] = "",
    everything: Annotated[bool, typer.Option("--all", help="All agents, images and workflows.")] = False,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    sarif: Annotated[
        Path | None,
        typer.Option("--sarif", metavar="FILE", help="Findings for code scanning, besides what is printed."),
    ] = None,
    today: Today = "",
) -> None:
    """Have other scanners judge rendered objects, Dockerfiles and workflows. Findings stand on the definition's line.

    Exit 0 clean, 1 findings, 2 usage, 6 a scanner is missing, failed or did not read everything.
    """
    from ci.commands.scan import run

    run(base, everything, output.value, sarif, today)


@security.command()
def threat(
    agent: Agent,
    environment: OneEnvironment = "",
    as_json: Json = False,
    base: Annotated[str, typer.Option("--base", metavar="REF", help="Say too what differs from this commit.")] = "",
    today: Today = "",
) -> None:
    """Show what an agent could do: reach, hold, be reached by, spend; and what watches over it.

    Without -e: as in the last environment, in order of promotion, that it runs in.
    """
    from ci.commands.threat import run

    run(agent, environment, as_json, base, today)


@security.command()
def secrets(
    agents: Agents = None,
    pool: Pool = "",
    environment: OneEnvironment = "",
    live: Annotated[bool, typer.Option("--live", help="Ask the clusters whether they are there.")] = False,
    everything: Annotated[bool, typer.Option("--all", help="A line a variable, however many agents.")] = False,
    as_json: Json = False,
) -> None:
    """Show which secrets agents need: variable, path#key, who asks for it, who shares it. Never a value.

    With --live: what external-secrets says of them. Exit 0, 2 usage, 6 a cluster is out of reach.
    """
    from ci.commands.secrets import run

    run(agents or [], pool, environment, live, everything, as_json)
