"""Artifacts of workflow runs: found by who made them, and opened as what they are, a stranger's zip file."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator
from typing import Any, Literal

from ci.forge.github import ForgeError, GitHub

ARTIFACT = "roster-plan"
WORKFLOW = "preview.yaml"
MOST_BYTES = 64 * 2**20


class ArtifactError(ForgeError):
    """An artifact is not what it should be."""


Event = Literal["merge_group", "pull_request"]


def good_runs(github: GitHub, commit: str, event: Event, repository: str, branch: str = "") -> Iterator[dict[str, Any]]:
    """The successful runs of the preview workflow for that commit, the newest first.

    Only those of a branch of `repository` (`owner/name`), and of that one `branch` when it is named.
    """
    query = {"head_sha": commit, "event": event, "status": "success"}
    for run in github.pages(f"actions/workflows/{WORKFLOW}/runs", "workflow_runs", **query):
        known = run.get("head_sha"), run.get("event"), run.get("conclusion")
        from_there = ((run.get("head_repository") or {}).get("full_name") or "").lower() == repository.lower()
        if known == (commit, event, "success") and from_there and branch in ("", run.get("head_branch")):
            yield run


def artifact_of(github: GitHub, run: int) -> int | None:
    """The newest artifact of the run that holds a plan; None when there is none, or it expired."""
    found = [
        one["id"]
        for one in github.pages(f"actions/runs/{run}/artifacts", "artifacts", name=ARTIFACT)
        if one.get("name") == ARTIFACT and not one.get("expired")
    ]
    return max(found, default=None)


def file_of(github: GitHub, artifact: int, name: str) -> str:
    """The text of one file of an artifact; no other is opened, and nothing is written. Raises ForgeError."""
    data = github.download(f"actions/artifacts/{artifact}/zip", MOST_BYTES)
    return only(data, name, f"artifact {artifact}")


def only(data: bytes, name: str, source: str, most_bytes: int = MOST_BYTES) -> str:
    """The text of the file `name` at the top of a zip file. Raises ArtifactError."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            strange = [one for one in names if one.startswith(("/", "\\")) or ".." in one.replace("\\", "/").split("/")]
            if strange:
                raise ArtifactError(
                    f"{source} names a file outside of itself, {strange[0]!r:.80}: nothing of it is used"
                )
            if names.count(name) != 1:
                raise ArtifactError(f"{source} has {names.count(name) or 'no'} {name}")
            # What the file says of its own length may be a lie.
            with archive.open(name) as file:
                text = file.read(most_bytes + 1)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ArtifactError(f"{source} is no zip file that can be read: {error}") from error
    if len(text) > most_bytes:
        raise ArtifactError(f"{name} of {source} is larger than {most_bytes:,} bytes")
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ArtifactError(f"{name} of {source} is no text") from error
