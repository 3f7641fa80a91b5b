"""Issues that are open as long as something is so: drift, findings in images that run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ci.forge.comment import written_by
from ci.forge.github import ATTEMPTS, ForgeError, GitHub, UnsureError
from ci.forge.markdown import body_of, marker

LABEL = "roster"


def put_issue(github: GitHub, name: str, title: str, text: str, pointer: str = "") -> str:
    """Opens the issue called `name`, or brings the open one up to date; returns its address. Raises ForgeError."""
    body = body_of(name, text, pointer)
    for _ in range(ATTEMPTS):
        ours = _open(github, name)
        try:
            if not ours:
                made = github.post("issues", {"title": title, "body": body, "labels": [LABEL]})
                return str(made["html_url"])
            first, *others = ours
            for number in others:
                _close(github, number, "not_planned")
            return str(github.patch(f"issues/{first}", {"title": title, "body": body})["html_url"])
        except UnsureError as error:
            unsure = error
    raise ForgeError(str(unsure))


def close_issue(github: GitHub, name: str) -> list[int]:
    """Closes the issue called `name`; returns what was closed, nothing when none was open. Raises ForgeError."""
    closed = _open(github, name)
    for number in closed:
        _close(github, number, "completed")
    return closed


def keep_issues(
    github: GitHub, prefix: str, wanted: Mapping[str, tuple[str, str]], pointer: str = "", close: bool = True
) -> tuple[list[str], list[str]]:
    """Holds just the `wanted` issues open (name → title and text) among all of ours whose name begins with `prefix`.

    Those that say the same already are left alone. Returns the addresses of what was written and the names of what was
    closed; with `close` false nothing is. Raises ForgeError.
    """
    there = {_name(one): one for one in _ours(github) if _name(one).startswith(prefix)}
    written = [
        put_issue(github, name, title, text, pointer)
        for name, (title, text) in sorted(wanted.items())
        if name not in there or _says(there[name]) != (title, body_of(name, text, pointer))
    ]
    gone = sorted(set(there) - set(wanted)) if close else []
    for name in gone:
        close_issue(github, name)
    return written, gone


def _open(github: GitHub, name: str) -> list[int]:
    """The numbers of our open issues of that name, the oldest first."""
    return sorted(one["number"] for one in _ours(github) if str(one.get("body") or "").startswith(marker(name)))


def _ours(github: GitHub) -> list[dict[str, Any]]:
    """Our open issues. GitHub lists pull requests among them."""
    return [
        one
        for one in github.pages("issues", state="open", labels=LABEL)
        if "pull_request" not in one and written_by(one, github.settings.login)
    ]


def _name(issue: Mapping[str, Any]) -> str:
    """The name in an issue's marker; empty where there is none."""
    before, _, after = marker("\0").partition("\0")
    line = str(issue.get("body") or "").split("\n", 1)[0].strip()
    named = line.startswith(before) and line.endswith(after)
    return line.removeprefix(before).removesuffix(after) if named else ""


def _says(issue: Mapping[str, Any]) -> tuple[str, str]:
    return str(issue.get("title", "")), str(issue.get("body") or "")


def _close(github: GitHub, number: int, reason: str) -> None:
    github.patch(f"issues/{number}", {"state": "closed", "state_reason": reason})
