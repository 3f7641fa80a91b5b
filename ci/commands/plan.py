"""`roster plan`: what a branch changes, for the people who review it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import typer

from ci.commands.session import FINDINGS, day, fail, plain_errors, top
from ci.formats import as_text
from ci.git import GitError
from ci.output_folder import OutputFolder
from ci.plan.make import Plan, broken, make_plan, new_images
from ci.plan.markdown import as_markdown, change_as_json, headline
from ci.plan.reviewed import as_reviewed
from ci.plan.waivers import waiver_warnings
from components.definition.findings import InvalidInput

ALARMING = 3


def run(base: str, environment: str, folder: Path | None, output: str, today: str, allow_removals: bool) -> None:
    """Writes plan.md, plan.json, plan.diff and reviewed.json, prints the report, and exits with 0, 1, 2 or 3."""
    here = top()
    target = folder or here / "out" / "plan"
    try:
        with plain_errors():
            plan = make_plan(here, base, day(today), [environment] if environment else None)
            _write(plan, here, target)
    except InvalidInput as error:
        typer.echo(as_text(error.findings), nl=False)
        raise typer.Exit(FINDINGS) from error
    except GitError as error:
        raise fail(str(error)) from error
    _print(plan, output)
    if broken(plan):
        raise typer.Exit(FINDINGS)
    if plan.alarming and not allow_removals:
        raise fail("many agents would be removed; if it is meant, say --allow-removals", ALARMING)


def _write(plan: Plan, here: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with OutputFolder(target) as staging:
        (staging.path / "plan.md").write_text(as_markdown(plan), "utf-8")
        (staging.path / "plan.json").write_text(as_json(plan), "utf-8")
        (staging.path / "plan.diff").write_text("".join(change.diff for change in plan.changes), "utf-8")
        if not broken(plan):  # a plan that is not whole has shown nobody what would be applied
            reviewed = as_reviewed(here, plan.base, plan.environments, plan.objects)
            (staging.path / "reviewed.json").write_text(reviewed.as_json(), "utf-8")


def as_json(plan: Plan) -> str:
    """The plan for machines."""
    content = {
        "base": plan.base,
        "environments": plan.environments,
        "headline": headline(plan),
        "notes": plan.notes,
        "agents": {"before": plan.agents_before, "after": plan.agents_after, "compared": plan.compared},
        "removed": plan.removed,
        "alarming": plan.alarming,
        "emptied": plan.emptied,
        "stacks": plan.stacks,
        "old_stacks": plan.old_stacks,
        "images": new_images(plan),
        "findings": [str(one) for one in broken(plan)],
        "waivers": [str(one) for one in waiver_warnings(plan.findings)],
        "changes": [change_as_json(change) for change in plan.changes],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _print(plan: Plan, output: str) -> None:
    if output == "json":
        typer.echo(as_json(plan), nl=False)
    elif output == "text" and sys.stdout.isatty():
        from rich.console import Console
        from rich.markdown import Markdown

        Console().print(Markdown(as_markdown(plan)))
    else:
        typer.echo(as_markdown(plan), nl=False)
