"""`roster check`: everything that is wrong, at once."""

from __future__ import annotations

import os
from pathlib import Path

import typer

from ci.commands.session import CLEAN, FINDINGS, day, fail, open_fleet, plain_errors, top
from ci.formats import FORMATS
from ci.images.fleet_checks import template_findings
from ci.inspection import Inspection, Inspector
from ci.pasted import pasted
from ci.schema_files import schema_drift
from components.definition.findings import Finding


def run(paths: list[Path], output: str, schemas: bool, today: str) -> None:
    """Prints the findings below `paths` (everywhere with none) and exits with 0 or 1."""
    folders = [_relative(path) for path in paths]
    fleet = open_fleet(output)
    with plain_errors(), pasted(fleet) as secrets:
        inspection = Inspector(fleet, day(today), schemas=schemas).inspect()
        leaked = secrets(inspection.findings)
    everything = sorted({*inspection.findings, *schema_drift(fleet), *template_findings(fleet), *leaked})
    findings = [one for one in everything if not folders or any(_below(one, folder) for folder in folders)]
    typer.echo(FORMATS[output](findings), nl=False)
    if output == "text":
        typer.echo(summary(inspection, findings), err=bool(findings))
    raise typer.Exit(FINDINGS if any(one.severity == "error" for one in findings) else CLEAN)


def summary(inspection: Inspection, findings: list[Finding]) -> str:
    """What was looked at, and what came of it, in one line."""
    wrong = sum(one.severity == "error" for one in findings)
    doubtful = len(findings) - wrong
    looked = f"{inspection.agents:,} agents in {', '.join(inspection.environments)}: {inspection.objects:,} objects"
    if not findings:
        return f"{looked}, nothing wrong"
    parts = [
        f"{count} {word}{'s' * (count != 1)}" for count, word in ((wrong, "error"), (doubtful, "warning")) if count
    ]
    return f"{looked}, {' and '.join(parts)}"


def _relative(path: Path) -> str:
    if not path.exists():
        raise fail(f"there is no {path}")
    relative = os.path.relpath(path.resolve(), top().resolve())
    if relative.startswith(".."):
        raise fail(f"{path} is outside of the repository")
    return relative


def _below(finding: Finding, folder: str) -> bool:
    return folder == "." or finding.file == folder or finding.file.startswith(f"{folder}/")
