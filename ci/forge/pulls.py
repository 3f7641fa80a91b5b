"""Pull requests: which brought a commit to the branch, and which one a run of the merge queue is about."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ci.forge.github import ForgeError, GitHub
from ci.git import GitError, commit_of, git

# Each costs a few requests, of which a workflow has 1,000 an hour.
MOST_COMMITS = 100
RECENT_COMMITS = 30
# The merge queue's branches: gh-readonly-queue/BRANCH/pr-NUMBER-COMMIT.
_QUEUE = re.compile(r"(?:refs/heads/)?gh-readonly-queue/.+/pr-(\d+)-[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Pull:
    """A pull request. `head` is the last commit of its branch, `repository` where that branch is (none: deleted).

    `merged_at` is an ISO moment, empty before; `commits` are those of the main branch that it brought, as asked for.
    """

    number: int
    author: str
    head: str
    branch: str
    repository: str
    merged_at: str = ""
    commits: tuple[str, ...] = ()


def commits_since(top: Path, since: Iterable[str], head: str = "HEAD") -> list[str]:
    """The commits of the main line from `head` back to the oldest of `since`, newest first, `head` always among them.

    Those that a rewritten history no longer has are passed over. With none left: the latest `RECENT_COMMITS`.
    Raises GitError.
    """
    newest = commit_of(top, head)
    lacking, known = [], False
    for one in since:
        with suppress(GitError):
            base = git(top, "merge-base", newest, commit_of(top, one)).strip()
            lacking.append(_main_line(top, newest, f"--max-count={MOST_COMMITS}", f"^{base}"))
            known = True
    found = max(lacking, key=len) if known else _main_line(top, newest, f"--max-count={RECENT_COMMITS}")
    return found or [newest]


def _main_line(top: Path, newest: str, *limits: str) -> list[str]:
    return git(top, "rev-list", "--first-parent", *limits, newest).split()


def merged_pulls(github: GitHub, commits: Iterable[str]) -> list[Pull]:
    """The pull requests that brought the commits to this repository's default branch, the newest commit's first."""
    found: dict[int, Pull] = {}
    for commit in commits:
        for raw in github.pages(f"commits/{commit}/pulls"):
            if not _merged_here(raw, github.settings.repository):
                continue
            pull = pull_from(raw)
            before = found.get(pull.number, pull).commits
            found[pull.number] = _with_commits(pull, (*before, commit))
    return list(found.values())


def queued_pull(github: GitHub, ref: str) -> Pull | None:
    """The pull request that a ref of the merge queue is for; None for any other ref."""
    match = _QUEUE.fullmatch(ref)
    return pull_from(github.get(f"pulls/{match[1]}")) if match else None


def always_into_main(github: GitHub, pull: Pull) -> bool:
    """Whether every pull request that its branch ever had was aimed at the default branch, from first to last."""
    owner = pull.repository.partition("/")[0]
    for raw in github.pages("pulls", state="all", head=f"{owner}:{pull.branch}"):
        base = raw.get("base") or {}
        if base.get("ref") != (base.get("repo") or {}).get("default_branch"):
            return False
        if any(one.get("event") == "base_ref_changed" for one in github.pages(f"issues/{raw['number']}/events")):
            return False
    return True


def pull_from(raw: dict[str, Any]) -> Pull:
    """From what the API says of one. Raises ForgeError."""
    try:
        head = raw["head"]
        return Pull(
            raw["number"],
            (raw["user"] or {}).get("login", ""),
            head["sha"],
            head["ref"],
            (head["repo"] or {}).get("full_name", ""),
            raw.get("merged_at") or "",
        )
    except (KeyError, TypeError) as error:
        raise ForgeError(f"what GitHub says of a pull request lacks a part: {error}") from error


def _merged_here(raw: dict[str, Any], repository: str) -> bool:
    """A commit is listed with every pull request that has it, a stranger's, or one into some side branch, too."""
    base = raw.get("base") or {}
    into = base.get("repo") or {}
    same = str(into.get("full_name", "")).lower() == repository.lower()
    return bool(raw.get("merged_at")) and same and base.get("ref") == into.get("default_branch")


def _with_commits(pull: Pull, commits: tuple[str, ...]) -> Pull:
    known = tuple(dict.fromkeys(commits))
    return Pull(pull.number, pull.author, pull.head, pull.branch, pull.repository, pull.merged_at, known)
