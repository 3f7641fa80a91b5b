"""Brings a pull request's comment up to date with the plan that its preview kept. Runs on main, with its rights.

usage: python -m ci.plan_comment EVENT.json      GitHub's `workflow_run` event, with the variables of `ci.forge.github`

Anybody's pull request can put anything into the artifact. So the run comes from the event and the pull request from
GitHub's own list; one file of the archive is read, in memory, within limits; and what a fork wrote is shown as plain
text, in which no link, image or mention works.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.forge.artifacts import ARTIFACT, ArtifactError, artifact_of, file_of
from ci.forge.comment import put_comment
from ci.forge.github import ForgeError, GitHub, settings_from

PLAN = "plan.md"
NAME = "preview"
LONGEST_FENCE = 50  # backticks; a text with more in a row loses its backticks
_SHA = re.compile(r"[0-9a-f]{40}")


class EventError(ValueError):
    """The event is not that of a preview that ended; the message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Preview:
    """The run that ended. `owner` and `branch` are where its commit `head` comes from; `fork`: not from here."""

    run: int
    head: str
    owner: str
    branch: str
    fork: bool
    url: str
    succeeded: bool


def preview_of(event: Mapping[str, Any]) -> Preview:
    """The run in GitHub's event. Raises EventError."""
    try:
        run = event["workflow_run"]
        source = run["head_repository"]
        found = Preview(
            run=int(run["id"]),
            head=str(run["head_sha"]),
            owner=str(source["owner"]["login"]),
            branch=str(run["head_branch"]),
            fork=source["full_name"] != event["repository"]["full_name"],
            url=str(run["html_url"]),
            succeeded=run["conclusion"] == "success",
        )
        kind = run["event"]
    except (KeyError, TypeError, ValueError) as error:
        raise EventError(f"this is no event of a workflow run that ended: {error!r}") from error
    if kind != "pull_request" or not _SHA.fullmatch(found.head):
        raise EventError("the run was not that of a pull request")
    return found


def pull_request(preview: Preview, listed: Iterable[Mapping[str, Any]]) -> int | None:
    """The open pull request whose newest commit the run looked at; None when it was closed or has moved on."""
    for one in listed:
        if one["state"] == "open" and one["head"]["sha"] == preview.head and one["head"]["ref"] == preview.branch:
            return int(one["number"])
    return None


def comment(preview: Preview, plan: str) -> str:
    """The comment's text, with where it comes from on top; `ci.forge.markdown` makes it harmless and short enough."""
    head = f"Plan of {preview.head[:12]}, made by [its preview]({preview.url})"
    head += "." if preview.succeeded else ", **which failed**: the reasons stand in its log and on the lines at fault."
    if not preview.fork:
        return f"{head}\n\n{plan}"
    longest = max((len(run) for run in re.findall("`+", plan)), default=0)
    if longest > LONGEST_FENCE:
        plan, longest = plan.replace("`", "'"), 0
    fence = "`" * max(3, longest + 1)
    head += " It comes from a fork: what it says was written by the fork's code."
    return f"{head}\n\n{fence}text\n{plan.strip()}\n{fence}"


def without_plan(preview: Preview, why: str) -> str:
    """The comment for a preview that left no plan."""
    return (
        f"[The preview]({preview.url}) of {preview.head[:12]} left no plan ({why}): the reasons stand in its log "
        "and on the lines at fault."
    )


def text_for(github: GitHub, preview: Preview) -> str:
    """The comment's text, whatever the artifact is. Raises ForgeError when GitHub cannot be asked."""
    artifact = artifact_of(github, preview.run)
    if artifact is None:
        return without_plan(preview, "it did not come that far")
    try:
        return comment(preview, file_of(github, artifact, PLAN))
    except ArtifactError as error:
        return without_plan(preview, str(error))


def main(event: str, environment: Mapping[str, str]) -> int:
    """Writes the comment and prints its address. Exit code 1 when GitHub did not answer, or the event is none."""
    try:
        preview = preview_of(json.loads(Path(event).read_bytes()))
        with GitHub(settings_from(environment)) as github:
            number = pull_request(
                preview, github.pages("pulls", state="open", head=f"{preview.owner}:{preview.branch}")
            )
            if number is None:
                print("The pull request was closed or has moved on: nothing to say.")
                return 0
            where = f"It is in the artifact `{ARTIFACT}` of [the run]({preview.url})."
            print(put_comment(github, number, NAME, text_for(github, preview), where))
    except (ForgeError, KeyError, TypeError, ValueError, OSError) as error:
        print(f"comment: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m ci.plan_comment EVENT.json")
    sys.exit(main(sys.argv[1], os.environ))
