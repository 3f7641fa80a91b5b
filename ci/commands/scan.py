"""`roster scan`: what other scanners say of rendered objects, Dockerfiles and workflows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from ci.commands.session import CLEAN, FINDINGS, day, fail, open_fleet, plain_errors, top
from ci.formats import FORMATS
from ci.git import GitError
from ci.scan.choice import changed, everything
from ci.scan.piece import Piece, ScannerFailure
from ci.scan.scan import Scanned, scan
from ci.scan.verdict import Verdict, judge, unused
from components.definition.findings import Finding, InvalidInput, errors

UNSEEN = 6


def run(base: str, all_of_it: bool, output: str, sarif: Path | None, today: str) -> None:
    """Prints what is found, and exits with 0, 1, or 6 where a scanner did not do its work.

    The file `sarif` is written only when all was scanned: half a report would close what it does not name.
    """
    if bool(base) == all_of_it:
        raise fail("say what to scan: --base REF for what differs from it, or --all")
    date = day(today)
    fleet = open_fleet(output)
    with plain_errors():
        try:
            pieces = everything(fleet, top()) if all_of_it else changed(fleet, top(), base, date)
            scanned = scan(pieces)
        except InvalidInput as error:
            typer.echo(FORMATS[output](error.findings), nl=False)
            raise fail("nothing was scanned: these come first (`roster check`)", FINDINGS) from error
        except GitError as error:
            raise fail(str(error)) from error
        except ScannerFailure as error:
            raise fail(str(error), UNSEEN) from error
    verdict = judge(scanned.hits, fleet, date)
    names = [name.partition(" ")[0].lower() for name in scanned.ran]
    findings: Sequence[Finding] = [*verdict.findings, *(unused(fleet, verdict, names, date) if all_of_it else ())]
    if sarif is not None:
        with plain_errors():
            sarif.write_text(FORMATS["sarif"](findings), "utf-8")
    typer.echo(FORMATS[output](findings), nl=False)
    typer.echo(summary(pieces, scanned, verdict), err=output != "text" or bool(findings))
    for name in scanned.missing:
        typer.echo(f"{name} is not on PATH and was not asked; `bash ci/go_tools.sh {name}` builds it", err=True)
    raise typer.Exit(FINDINGS if errors(findings) else CLEAN)


def summary(pieces: Sequence[Piece], scanned: Scanned, verdict: Verdict) -> str:
    """What was looked at and what came of it, in one line."""
    own = [piece for piece in pieces if not piece.context]
    if not own:
        return "nothing that is scanned differs"
    agents = len({piece.agent.key for piece in own if piece.agent})
    counts = (
        (sum(piece.kind == "object" for piece in own), "object"),
        (sum(piece.kind == "dockerfile" for piece in own), "Dockerfile"),
        (sum(piece.kind == "workflow" for piece in own), "workflow"),
    )
    looked = ", ".join(f"{count:,} {word}{'s' * (count != 1)}" for count, word in counts if count)
    found = f"{len(verdict.findings)} to mend" if verdict.findings else "nothing to mend"
    return (
        f"{looked} ({agents:,} agent{'s' * (agents != 1)}) by {', '.join(scanned.ran)}: "
        f"{scanned.passed:,} checks passed, {verdict.waived:,} waived, {found}"
    )
