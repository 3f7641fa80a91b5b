"""`roster forge …`: what pipelines tell GitHub, and ask of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

forge = typer.Typer(
    help="What pipelines tell GitHub, and ask of it (GITHUB_REPOSITORY, GITHUB_TOKEN).",
    no_args_is_help=True,
    rich_markup_mode=None,
)
Since = Annotated[
    list[str] | None,
    typer.Option("--since", metavar="COMMIT", help="What was applied last, for each place; the last 30 with none."),
]
Body = Annotated[Path, typer.Option("--body", metavar="FILE", help="Markdown; anybody may have written it.")]


@forge.command()
def comment(
    pull_request: Annotated[int, typer.Option("--pull-request", metavar="NUMBER", help="Or an issue's number.")],
    body: Body,
    name: Annotated[str, typer.Option("--name", help="Which of our comments: one a name.")] = "plan",
    pointer: Annotated[str, typer.Option("--pointer", help="Where the whole is, when it is too long.")] = "",
) -> None:
    """Write one comment, and edit it from then on."""
    from ci.commands.forge import run_comment

    run_comment(pull_request, body, name, pointer)


@forge.command()
def issue(
    state: Annotated[str, typer.Option("--state", help="open or closed.")],
    title: Annotated[str, typer.Option("--title", help="Of an open one.")] = "",
    body: Annotated[Path | None, typer.Option("--body", metavar="FILE", help="Markdown, of an open one.")] = None,
    name: Annotated[str, typer.Option("--name", help="Which of our issues: one a name.")] = "drift",
) -> None:
    """Open one issue, bring it up to date, or close it."""
    from ci.commands.forge import run_issue

    run_issue(title, state, body, name)


@forge.command()
def status(
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="report.json of `roster up`.")] = None,
    environment: Annotated[str, typer.Option("--environment", "-e", help="Without a report.")] = "",
    state: Annotated[str, typer.Option("--state", help="Without a report: pending or error.")] = "",
    description: Annotated[str, typer.Option("--description", help="Without a report.")] = "",
    since: Since = None,
) -> None:
    """Tell authors what became of their commits: commit statuses, and a comment on each pull request."""
    from ci.commands.forge import run_status

    run_status(report, environment, state, description, since or [])


@forge.command()
def permission(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FILE", help="Where it is written.")],
    since: Since = None,
    head: Annotated[str, typer.Option("--head", metavar="REF", help="The commit that is applied.")] = "HEAD",
) -> None:
    """Find a reviewer's permission to delete many agents: `roster: allow deletions` in a review. Exit 3 without one."""
    from ci.commands.forge import run_permission

    run_permission(output, since or [], head)


@forge.command()
def reviewed(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="For reviewed.json.")],
    since: Since = None,
    head: Annotated[str, typer.Option("--head", metavar="REF", help="The commit that is applied.")] = "HEAD",
) -> None:
    """Fetch the digests of the objects that reviewers saw, from the artifacts of previews."""
    from ci.commands.forge import run_reviewed

    run_reviewed(output, since or [], head)


@forge.command(name="issues")
def keep_issues(
    findings: Annotated[Path, typer.Option("--findings", metavar="FILE", help="Of `roster images rescan`.")],
) -> None:
    """Hold one issue open for each finding in a recorded image, and close those that are gone."""
    from ci.commands.forge import run_issues

    run_issues(findings)


@forge.command()
def propose(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Files and folders, as they are here.")],
    branch: Annotated[str, typer.Option("--branch", help="Made, or brought up to date.")],
    title: Annotated[str, typer.Option("--title", help="Of the pull request and its commit.")],
    body: Annotated[Path | None, typer.Option("--body", metavar="FILE", help="Markdown.")] = None,
    base: Annotated[str, typer.Option("--base", help="The branch that it is merged into.")] = "main",
) -> None:
    """Keep one pull request with what differs from the main branch; closed when nothing does."""
    from ci.commands.forge import run_propose

    run_propose(paths, branch, title, body, base)
