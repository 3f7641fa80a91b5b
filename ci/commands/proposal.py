"""How every command that edits the fleet ends: judged, shown, written, and the next step named."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass

import typer

from ci.commands.session import CLEAN, FINDINGS, day, fail, plain_errors, top
from ci.fleet_edit import ChangedMeanwhile, Edit, Known, Verdict
from ci.formats import as_text
from components.definition.findings import InvalidInput
from components.definition.tree import FileProblem
from components.facts import Facts
from components.fleet import Fleet


@dataclass(frozen=True, slots=True)
class Proposal:
    """New bytes by path (None: the file goes), what the commit would be called, and how the verdict is read.

    `strict` refuses errors that were there before, too; `force` writes whatever the verdict is. `known` is what
    `ci.fleet_edit.know` said of the fleet.
    """

    changes: dict[str, bytes | None]
    title: str
    strict: bool = False
    force: bool = False
    executable: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    known: list[Known] | None = None


def propose(fleet: Fleet, proposal: Proposal, dry_run: bool, say: Callable[[list[Facts]], None] | None = None) -> None:
    """Writes the proposal when it breaks nothing; exits with 1 and writes nothing when it does."""
    try:
        edit = Edit(fleet, proposal.changes)
        verdict = _sound(edit, proposal)
    except InvalidInput as error:
        raise _refused(as_text(error.findings)) from error
    except FileProblem as problem:
        raise fail(problem.message, FINDINGS) from problem
    _show(edit.difference())
    for note in proposal.notes:
        typer.echo(note)
    if say is not None:
        say(verdict.facts)
    if verdict.left:
        typer.echo("wrong before this edit and still so:", err=True)
        typer.echo(as_text(verdict.left), err=True, nl=False)
    if dry_run:
        typer.echo("dry run: nothing was written")
        raise typer.Exit(CLEAN)
    with plain_errors():
        try:
            edit.write(top(), proposal.executable)
        except ChangedMeanwhile as error:
            raise fail(str(error), FINDINGS) from error
    _next_step(edit, verdict, proposal.title)


def _sound(edit: Edit, proposal: Proposal) -> Verdict:
    with plain_errors():
        verdict = edit.judge(day(""), proposal.known)
    wrong = sorted({*verdict.brought, *verdict.left}) if proposal.strict else verdict.brought
    if wrong and not proposal.force:
        raise _refused(as_text(wrong))
    return verdict


def _refused(findings: str) -> typer.Exit:
    typer.echo(findings, nl=False)
    return fail("nothing was written: the change would not pass `roster check`", FINDINGS)


def _show(difference: str) -> None:
    colours = {"+": "green", "-": "red", "@": "cyan"}
    for line in difference.splitlines():
        bold = line.startswith(("+++", "---"))
        typer.secho(line, fg=None if bold else colours.get(line[:1]), bold=bold or None)


def _next_step(edit: Edit, verdict: Verdict, title: str) -> None:
    typer.echo("")
    for path in verdict.orphans:
        typer.echo(f"no definition names {path} any more, and `roster check` refuses such files: git rm {path}")
    paths = " ".join(shlex.quote(path) for path in sorted(edit.changes))
    typer.echo(f"next: git add {paths} && git commit -m {shlex.quote(title[:1].upper() + title[1:])}")
