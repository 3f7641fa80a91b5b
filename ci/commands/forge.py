"""`roster forge`: what the pipelines tell the forge, and ask of it. Nothing here decides what is applied."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ci.atomic_files import write_files
from ci.commands.session import FINDINGS, fail, plain_errors, top
from ci.git import GitError

if TYPE_CHECKING:
    from ci.deploy.report import Report
    from ci.forge.github import GitHub
    from ci.forge.pulls import Pull

NOT_PERMITTED = 3


def run_comment(pull_request: int, body: Path, name: str, pointer: str) -> None:
    """Brings one comment of a pull request up to date; prints its address."""
    from ci.forge.comment import put_comment

    text = _text(body)
    with _forge() as github:
        typer.echo(put_comment(github, pull_request, name, text, pointer or _pointer()))


def run_issue(title: str, state: str, body: Path | None, name: str) -> None:
    """Opens the issue called `name`, brings it up to date, or closes it."""
    from ci.forge.issue import close_issue, put_issue

    if state not in ("open", "closed"):
        raise fail(f"--state: {state!r} is neither open nor closed")
    if state == "closed":
        with _forge() as github:
            closed = close_issue(github, name)
        typer.echo(f"closed: {', '.join(f'#{one}' for one in closed)}" if closed else f"no issue {name} is open")
        return
    if not title or body is None:
        raise fail("an open issue needs --title and --body")
    text = _text(body)
    with _forge() as github:
        typer.echo(put_issue(github, name, title, text, _pointer()))


def run_issues(findings: Path) -> None:
    """Holds one issue open for each finding of a rescan."""
    from ci.forge.issue import keep_issues
    from ci.images.rescan import FAILED_SCAN, ISSUES

    try:
        content = json.loads(_text(findings))
        wanted = {str(one["name"]): (str(one["title"]), str(one["text"])) for one in content["issues"]}
        closable = content["closable"] is True
    except (ValueError, KeyError, TypeError) as error:
        raise fail(
            f"{findings} is nothing that `roster images rescan` wrote: {error or type(error).__name__}"
        ) from error
    with _forge() as github:
        for prefix in (ISSUES, FAILED_SCAN):
            mine = {name: one for name, one in wanted.items() if name.startswith(prefix)}
            written, gone = keep_issues(github, prefix, mine, _pointer(), closable)
            for address in written:
                typer.echo(address)
            if gone:
                typer.echo(f"closed: {', '.join(gone)}")


def run_propose(paths: Sequence[Path], branch: str, title: str, body: Path | None, base: str) -> None:
    """Keeps one pull request with the paths as they are in the work tree."""
    from ci.forge.markdown import harmless
    from ci.forge.proposal import propose

    files = _changed_files(top(), paths)
    text = _text(body) if body else f"{title}.\n\nMade by a job from the main branch; review it like any other change."
    # GitHub lets the checks of what its own job token opens wait for somebody; those of an app's run at once.
    token = os.environ.get("ROSTER_PROPOSAL_TOKEN", "").strip()
    with _forge({"GITHUB_TOKEN": token} if token else {}) as github:
        address = propose(github, branch, base, title, harmless(text), files)
    typer.echo(address or f"nothing differs from {base}")


def run_reviewed(output: Path, since: Sequence[str], head: str) -> None:
    """Writes reviewed.json into the folder `output`: what was reviewed of the commits from `head` back to `since`."""
    from ci.forge.pulls import commits_since
    from ci.forge.reviewed import RECORD, gather

    here = top()
    with _forge() as github:
        gathered = gather(github, commits_since(here, since, head))
    for note in gathered.notes:
        typer.echo(f"roster: {note}", err=True)
    with plain_errors():
        output.mkdir(parents=True, exist_ok=True)
        write_files({output / RECORD: gathered.record.as_json().encode()})
    record = gathered.record
    typer.echo(
        f"{len(record.plans)} reviewed plans, {len(record.objects):,} objects and {len(record.removed):,} that go: "
        f"{output / RECORD}"
    )


def run_permission(output: Path, since: Sequence[str], head: str) -> None:
    """Writes the permission to delete many agents, when a reviewer gave one; exits with 3 when none did."""
    from ci.forge.permission import deletions_permitted

    here = top()
    with plain_errors():
        output.unlink(missing_ok=True)  # one of an earlier run permits nothing now
    reasons: list[str] = []
    with _forge() as github:
        for pull in _pulls(github, here, since, head):
            answer = deletions_permitted(github, pull.number, pull.head)
            if answer.permission:
                with plain_errors():
                    output.parent.mkdir(parents=True, exist_ok=True)
                    write_files({output: answer.permission.as_json().encode()})
                by, number = answer.permission.by, answer.permission.pull
                typer.echo(f"{by} allowed the deletions of pull request {number}: {output}")
                return
            reasons += answer.reasons
    said = "\n  ".join(reasons or ["no pull request brought these commits"])
    raise fail(f"nobody allowed many deletions:\n  {said}", NOT_PERMITTED)


def run_status(report: Path | None, environment: str, state: str, description: str, since: Sequence[str]) -> None:
    """Sets commit statuses and comments from a report of `roster up`, or one status by --state.

    `since`: what was applied before that run. With none, only the author of the newest commit is told, as it is not
    known whose changes else were among those that were applied.
    """
    from ci.forge.status import put_status, status

    if report is None:
        if state not in ("pending", "error") or not environment:
            raise fail("without a report: --environment, and --state pending or error")
        from ci.git import commit_of

        here = top()
        with _forge() as github:
            one = status(environment, "pending" if state == "pending" else "error", description or state)
            put_status(github, commit_of(here, "HEAD"), one, _run_address())
        return
    from ci.forge.told import report_from

    here = top()
    try:
        read = report_from(_text(report), str(report))
    except ValueError as error:
        raise fail(str(error)) from error
    with _forge() as github:
        _tell(github, here, read, since)


def _tell(github: GitHub, here: Path, report: Report, since: Sequence[str]) -> None:
    from ci.forge.comment import put_comment
    from ci.forge.pulls import commits_since, merged_pulls
    from ci.forge.status import put_status, status_of
    from ci.forge.told import as_markdown, of_these, touched_agents

    address = _run_address()
    for name, one in report.environments.items():
        put_status(github, report.commit, status_of(name, one, one.agents), address)
    for pull in merged_pulls(github, commits_since(here, since or [report.commit], report.commit)):
        touched = touched_agents(here, pull.commits)
        for name, one in report.environments.items():
            agents = of_these(one, touched)
            if not agents:
                continue
            for commit in pull.commits:
                if commit != report.commit:
                    put_status(github, commit, status_of(name, one, agents), address)
            text = as_markdown(name, one, agents, report.commit, address)
            typer.echo(put_comment(github, pull.number, f"outcome-{name}", text, _pointer()))


def _pulls(github: GitHub, here: Path, since: Sequence[str], head: str) -> list[Pull]:
    """The pull request that the merge queue is about to merge; otherwise those that were merged."""
    from ci.forge.pulls import commits_since, merged_pulls, queued_pull

    queued = queued_pull(github, os.environ.get("GITHUB_REF", ""))
    return [queued] if queued else merged_pulls(github, commits_since(here, since, head))


def _changed_files(here: Path, paths: Sequence[Path]) -> dict[str, str | None]:
    """The files among `paths` that differ from the checked-out commit: path → text, None for one that is gone."""
    from ci.git import changed_paths, git

    files: dict[str, str | None] = {}
    try:
        changed = changed_paths(here, "HEAD")
        for path in paths:
            start = Path(os.path.relpath(path, here)).as_posix()
            # A misspelt path would look as if nothing differed, and close the pull request.
            inside = not start.startswith("../")
            if not inside or not (path.exists() or git(here, "ls-tree", "-r", "--name-only", "HEAD", "--", start)):
                raise fail(f"there is no {path} in this repository")
            for one in changed:
                if start in (".", one) or one.startswith(f"{start}/"):
                    files[one] = _plain_text(here / one)
    except GitError as error:
        raise fail(str(error)) from error
    return files


def _plain_text(file: Path) -> str | None:
    """What is proposed of a file; None of one that is gone."""
    if not os.path.lexists(file):
        return None
    try:
        if file.is_symlink() or os.access(file, os.X_OK):
            raise ValueError("it is a link or a program")
        return file.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise fail(f"{file} cannot be proposed, only plain text can: {error}") from error


@contextmanager
def _forge(changes: Mapping[str, str] | None = None) -> Iterator[GitHub]:
    """The repository's API; what it refuses is said in a line, with exit code 1."""
    from ci.forge.github import ForgeError, GitHub, settings_from

    try:
        with GitHub(settings_from({**os.environ, **(changes or {})})) as github:
            yield github
    except (ForgeError, GitError) as error:
        raise fail(str(error), FINDINGS) from error


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", "replace")
    except OSError as error:
        raise fail(f"{file} cannot be read: {error.strerror}") from error


def _run_address() -> str:
    """The address of the workflow's run; empty when this is none."""
    server, run = os.environ.get("GITHUB_SERVER_URL", ""), os.environ.get("GITHUB_RUN_ID", "")
    return f"{server}/{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{run}" if server and run else ""


def _pointer() -> str:
    address = _run_address()
    return f"The whole is among the artifacts of [the run]({address})." if address else ""
