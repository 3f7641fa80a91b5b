"""`roster check`, `plan`, `explain` and what else reads definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ci.cli.options import Agent, Format, Json, OneEnvironment, PlanFormat, Today

definitions = typer.Typer(rich_markup_mode=None)


@definitions.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Only findings in these files and folders.")] = None,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
    schemas: Annotated[bool, typer.Option(help="Hold every object against Kubernetes' schemas.")] = True,
    today: Today = "",
) -> None:
    """Say everything that is wrong, at once, with file, line and column. Exit 0 clean, 1 findings, 2 usage."""
    from ci.commands.check import run

    run(paths or [], output.value, schemas, today)


@definitions.command()
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


@definitions.command()
def plan(
    base: Annotated[str, typer.Option(help="The branch or commit to compare with.")],
    environment: Annotated[str, typer.Option("--environment", "-e", help="One environment; all with none.")] = "",
    folder: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder of the report; out/plan with none.")
    ] = None,
    output: Annotated[PlanFormat, typer.Option("--format", help="What is printed; all are written.")] = PlanFormat.TEXT,
    allow_removals: Annotated[
        bool, typer.Option("--allow-removals", help="Many agents (over 25, over 10 %, a whole pool) are meant to go.")
    ] = False,
    today: Today = "",
) -> None:
    """Say what changes: agents, pods that restart and why, hosts, secrets, cost. Exit 3 when many would be removed."""
    from ci.commands.plan import run

    run(base, environment, folder, output.value, today, allow_removals)


@definitions.command()
def explain(agent: Agent, environment: OneEnvironment = "", as_json: Json = False) -> None:
    """Show an agent as it runs, each value with its file and line.

    Without -e: as in the last environment, in order of promotion, that it runs in.
    """
    from ci.commands.explain import run

    run(agent, environment, as_json)


@definitions.command(name="list")
def list_agents(
    where: Annotated[
        list[str] | None,
        typer.Option("--where", "-w", help="field=value, field!=value, field~part, cost>=100; all must hold."),
    ] = None,
    environment: OneEnvironment = "",
    as_json: Json = False,
) -> None:
    """Show the fleet: who runs what, on which model, for how much.

    roster list --where model.name=claude-sonnet-4-5 --where channel=telegram
    """
    from ci.commands.list import run

    run(where or [], environment, as_json)


@definitions.command(name="run")
def run_agent(
    agent: Agent,
    environment: OneEnvironment = "",
    port: Annotated[int, typer.Option("--port", help="Where it listens on this machine.")] = 8080,
    offline: Annotated[
        bool, typer.Option("--offline", help="A stand-in answers in the model's place: no key.")
    ] = False,
    env_file: Annotated[Path | None, typer.Option("--env-file", metavar="FILE", help="Secrets: NAME=value.")] = None,
) -> None:
    """Run an agent's service on this machine with the agent's own config, without a cluster. Ctrl-C ends it."""
    from ci.commands.run import run

    run(agent, environment, port, offline, env_file)


@definitions.command()
def schema(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a file differs.")] = False,
) -> None:
    """Write the schemas that editors complete and explain with."""
    from ci.commands.schema import run

    run(check_only)


@definitions.command()
def runbooks(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when a page differs.")] = False,
) -> None:
    """Write the page of each alert, after a change of alerts."""
    from ci.commands.runbooks import run

    run(check_only)


@definitions.command()
def codeowners(
    check_only: Annotated[bool, typer.Option("--check", help="Write nothing; exit 1 when the file differs.")] = False,
    output: Annotated[Format, typer.Option("--format", help="How findings are printed.")] = Format.TEXT,
) -> None:
    """Write .github/CODEOWNERS from the catalog's teams and pools."""
    from ci.commands.codeowners import run

    run(check_only, output.value)
