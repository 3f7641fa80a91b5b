"""`roster new`, `set`, `rollback` and what else writes definitions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ci.cli import completion
from ci.cli.options import Agent, DryRun, OneEnvironment

edits = typer.Typer(rich_markup_mode=None)


@edits.command()
def new(
    name: Annotated[str, typer.Argument(help="The agent's name: lower-case letters, digits, hyphens.")],
    pool: Annotated[str, typer.Option("--pool", help="A pool of the catalog.", autocompletion=completion.pools)],
    runtime: Annotated[
        str, typer.Option("--runtime", help="A runtime of the catalog.", autocompletion=completion.runtimes)
    ],
    owner: Annotated[
        str, typer.Option("--owner", help="A team; the pool's with none.", autocompletion=completion.teams)
    ] = "",
    description: Annotated[str, typer.Option("--description", help="What it is for, in a sentence.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Write a small, commented, valid definition. Nothing that is there is overwritten."""
    from ci.commands.new import run

    run(name, pool, runtime, owner, description, dry_run)


@edits.command(name="set")
def set_fields(
    agent: Agent,
    assignments: Annotated[list[str], typer.Argument(metavar="FIELD=VALUE...", help="Such as model.max_tokens=2000.")],
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Set fields of a definition; every other byte stays.

    roster set lead-scorer model.name=claude-haiku-4-5 'hosts=[crm.example.com]' -e prod
    """
    from ci.commands.edit import run_set

    run_set(agent, assignments, environment, dry_run)


@edits.command()
def unset(
    agent: Agent,
    fields: Annotated[list[str], typer.Argument(metavar="FIELD...", help="Such as scaling.max.")],
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Take fields out, so that tier, pool and environment decide."""
    from ci.commands.edit import run_unset

    run_unset(agent, fields, environment, dry_run)


@edits.command()
def scale(
    agent: Agent,
    count: Annotated[int | None, typer.Argument(metavar="[N]", help="A fixed number of pods.")] = None,
    least: Annotated[int | None, typer.Option("--min", help="Pods at the least.")] = None,
    most: Annotated[int | None, typer.Option("--max", help="Pods at the most.")] = None,
    environment: OneEnvironment = "",
    dry_run: DryRun = False,
) -> None:
    """Say how many pods run: a fixed number, or --min and --max."""
    from ci.commands.edit import run_scale

    run_scale(agent, count, least, most, environment, dry_run)


@edits.command()
def suspend(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Stop an agent: no pods, no traffic. Its definition stays."""
    from ci.commands.edit import run_suspend

    run_suspend(agent, environment, dry_run)


@edits.command()
def resume(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Take a suspension back."""
    from ci.commands.edit import run_resume

    run_resume(agent, environment, dry_run)


@edits.command()
def restart(agent: Agent, environment: OneEnvironment = "", dry_run: DryRun = False) -> None:
    """Restart an agent's pods, by raising its `restarts`."""
    from ci.commands.edit import run_restart

    run_restart(agent, environment, dry_run)


@edits.command()
def rollback(
    agent: Agent,
    to: Annotated[str, typer.Option("--to", metavar="REF", help="The commit, tag or branch to go back to.")],
    dry_run: DryRun = False,
) -> None:
    """Put back an agent's files as of a commit.

    The definition and what it names: prompt, character, knowledge, build context."""
    from ci.commands.rollback import run

    run(agent, to, dry_run)


@edits.command()
def remove(
    agent: Agent,
    force: Annotated[bool, typer.Option("--force", help="Even while other agents call it.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Remove an agent's files; refused while other agents call it.

    The definition and the files that only it names."""
    from ci.commands.remove import run

    run(agent, force, dry_run)


@edits.command()
def migrate(
    agents: Annotated[
        list[str] | None, typer.Argument(help="Just these agents.", autocompletion=completion.agents)
    ] = None,
    dry_run: DryRun = False,
) -> None:
    """Move definitions to the newest `version`, all or none."""
    from ci.commands.migrate import run

    run(agents or [], dry_run)


@edits.command(name="import")
def import_character(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An elizaOS character, of any version.")],
    pool: Annotated[str, typer.Option("--pool", help="Where the agent goes.", autocompletion=completion.pools)],
    name: Annotated[str, typer.Option("--name", help="The agent's; the character's with none.")] = "",
    owner: Annotated[str, typer.Option("--owner", help="A team; the pool's owner with none.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Write a definition for an elizaOS character, and say what was changed in it. Secrets in it are refused."""
    from ci.commands.import_character import run

    run(file, pool, name, owner, dry_run)
