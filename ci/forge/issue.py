"""One issue that is open as long as something is so: drift, a finding in an image that runs."""

from __future__ import annotations

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


def _open(github: GitHub, name: str) -> list[int]:
    """The numbers of our open issues with that marker, the oldest first. GitHub lists pull requests among them."""
    return sorted(
        one["number"]
        for one in github.pages("issues", state="open", labels=LABEL)
        if "pull_request" not in one
        and written_by(one, github.settings.login)
        and str(one.get("body") or "").startswith(marker(name))
    )


def _close(github: GitHub, number: int, reason: str) -> None:
    github.patch(f"issues/{number}", {"state": "closed", "state_reason": reason})
