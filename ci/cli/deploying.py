"""`roster preview`, `up` and what else drives the Pulumi CLI."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ci.cli.options import Json, OneEnvironment, PlanFormat

deploying = typer.Typer(rich_markup_mode=None)

Report = Annotated[
    Path | None, typer.Option("--report", help="Folder of report.md, report.json and logs/; below out/ with none.")
]
Wait = Annotated[float, typer.Option("--wait-minutes", help="How long a stack that another run holds is waited for.")]
Stacks = Annotated[
    list[str] | None, typer.Argument(metavar="[STACK]...", help="Just these; all that are touched with none.")
]
Confirm = Annotated[str, typer.Option("--confirm", metavar="STACK", help="The stack's name, instead of being asked.")]


@deploying.command()
def stacks(
    changed_since: Annotated[
        str, typer.Option("--changed-since", metavar="REF", help="Those whose objects differ from this commit's.")
    ] = "",
    since_applied: Annotated[
        bool, typer.Option("--since-applied", help="Those that differ from what they applied last (asks the engine).")
    ] = False,
    environment: OneEnvironment = "",
    as_json: Json = False,
) -> None:
    """Show the stacks: what each holds, and which a change touches and why."""
    from ci.commands.stacks import run

    run(changed_since, since_applied, environment, as_json)


@deploying.command()
def preview(
    names: Stacks = None,
    changed_since: Annotated[
        str, typer.Option("--changed-since", metavar="REF", help="What this branch touches, instead of what is due.")
    ] = "",
    environment: OneEnvironment = "",
    report: Report = None,
    wait_minutes: Wait = 10,
) -> None:
    """Show what the engine itself would do, in the stacks that are touched. Exit 3 when too many agents would go."""
    from ci.commands.preview import run

    run(names or [], changed_since, environment, report, wait_minutes)


@deploying.command()
def up(
    names: Stacks = None,
    environment: OneEnvironment = "",
    release: Annotated[
        list[str] | None, typer.Option("--release", metavar="AGENT", help="Try a held agent again.")
    ] = None,
    reviewed: Annotated[
        list[Path] | None, typer.Option("--reviewed", metavar="FILE", help="Records of reviewed plans (reviewed.json).")
    ] = None,
    permission: Annotated[
        Path | None, typer.Option("--permission", metavar="FILE", help="A reviewer's permission that many agents go.")
    ] = None,
    first_only: Annotated[
        bool, typer.Option("--first-only", help="Only kill switches and rollbacks, everywhere, at once.")
    ] = False,
    report: Report = None,
    wait_minutes: Wait = 10,
) -> None:
    """Apply what changed since it was applied last: in order, in waves, each watched before the next.

    Exit 0 done, 1 findings, 3 permission wanted, 4 agents held, 5 locked, 6 out of reach, 7 no engine.
    """
    from ci.commands.up import run

    run(names or [], environment, release or [], reviewed or [], permission, report, wait_minutes, first_only)


@deploying.command()
def drift(
    environment: OneEnvironment = "",
    output: Annotated[PlanFormat, typer.Option("--format", help="How it is printed.")] = PlanFormat.TEXT,
    report: Annotated[Path | None, typer.Option("--report", help="Folder for drift.md and drift.json.")] = None,
) -> None:
    """Show what differs in the clusters from what was applied last, and who changed it. Exit 1 when something does."""
    from ci.commands.drift import run

    run(environment, output.value, report)


@deploying.command()
def destroy(stack: Annotated[str, typer.Argument(help="A stack.")], confirm: Confirm = "") -> None:
    """Delete all objects of a stack, and keep disks. Asks for the stack's name."""
    from ci.commands.destroy import run_destroy

    run_destroy(stack, confirm)


@deploying.command()
def unlock(
    stack: Annotated[str, typer.Argument(help="A stack.")],
    force: Annotated[bool, typer.Option("--force", help="Even when the lock is young.")] = False,
    confirm: Confirm = "",
) -> None:
    """Take away a lock that a run left behind which is no more. Asks for the stack's name."""
    from ci.commands.destroy import run_unlock

    run_unlock(stack, confirm, force)
