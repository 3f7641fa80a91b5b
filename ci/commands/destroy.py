"""`roster destroy` and `roster unlock`: the two commands that ask for a stack's name before they do anything."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import typer

from ci.commands.engine_session import HELD, engine_errors, opened
from ci.commands.session import fail, open_fleet, top
from ci.engine.command import Pulumi
from ci.engine.interruption import Interruption
from ci.engine.records import read_records
from components.stacks import PLATFORM, Stack, all_stacks, parse_stack


def run_destroy(name: str, confirm: str) -> None:
    """Deletes all objects of a stack, and keeps disks; refused while other stacks need it."""
    fleet = open_fleet()
    try:
        stack = parse_stack(name, fleet.catalog)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    with engine_errors():
        pulumi = opened(top())
        beside = [other for other in all_stacks(fleet.catalog) if _needs(other, stack)]
        records = read_records(pulumi, [name, *(other.name for other in beside)], 2)
        if not records[name].exists:
            raise fail(f"the backend has no stack {name}, so there is nothing to destroy")
        inside = [other.name for other in beside if not records[other.name].empty]
        if inside:
            raise fail(f"{name} is needed by what these hold: {', '.join(inside)}. Destroy them first", HELD)
        if stack.kind == "pool":
            raise fail(
                f"{name} holds a namespace, which is protected: Pulumi would delete all else and then fail. "
                f"If the pool is to go, `pulumi state unprotect --all --stack {name}`, then `pulumi destroy`",
                HELD,
            )
        objects = sum(len(one.children) for one in records[name].components)
        typer.echo(f"{name}: {objects} objects of {len(records[name].components)} components would be deleted.")
        if _ask(confirm)(f"Type {name} to delete them") != name:
            raise fail("that is not the stack's name; nothing was done")
        code = _in_order(pulumi, ["destroy", "--yes", "--skip-preview"], name)
        if code:
            # What was under way may be gone from the cluster and not from the state.
            pulumi.run(["refresh", "--yes", "--skip-preview"], stack=name, seconds=3600)
    if code:
        raise fail(f"{name} is not destroyed, or not all of it; run it again", HELD)
    typer.echo(f"{name} is destroyed. As long as its definitions are there, the next `roster up` makes it again.")


def run_unlock(name: str, confirm: str, force: bool) -> None:
    """Takes away a lock that nobody holds any more."""
    from ci.engine.locks import unlock

    fleet = open_fleet()
    try:
        parse_stack(name, fleet.catalog)
    except LookupError as error:
        raise fail(str(error.args[0])) from error
    with engine_errors():
        typer.echo(unlock(opened(top()), name, _ask(confirm), datetime.now(UTC), force))


def _in_order(pulumi: Pulumi, arguments: Sequence[str], stack: str) -> int:
    """Runs Pulumi to its end, with its own output; Ctrl-C is passed on once, so that it ends in order."""
    command = [str(pulumi.engine.path), *arguments, "--stack", stack, "--non-interactive", "--color", "never"]
    with Interruption() as interruption:
        process = subprocess.Popen(command, cwd=pulumi.top, env=pulumi.variables(), start_new_session=True)
        interruption.started(process.pid)
        code = process.wait()
        interruption.ended(process.pid)
    return code


def _ask(confirm: str) -> Callable[[str], str]:
    """Asks on the terminal, or answers with what --confirm said."""

    def ask(question: str) -> str:
        return confirm or str(typer.prompt(question))

    return ask


def _needs(other: Stack, stack: Stack) -> bool:
    """Whether a stack lies in a cluster or pool that this one holds."""
    if (other.environment, other.cluster) != (stack.environment, stack.cluster) or other == stack:
        return False
    return stack.kind == PLATFORM or (stack.kind == "pool" and other.pool == stack.pool)
