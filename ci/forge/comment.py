"""One comment a pull request or issue, which is edited and not repeated."""

from __future__ import annotations

from typing import Any

from ci.forge.github import ATTEMPTS, ForgeError, GitHub, UnsureError
from ci.forge.markdown import body_of, marker


def put_comment(github: GitHub, number: int, name: str, text: str, pointer: str = "") -> str:
    """Brings the comment called `name` of pull request or issue `number` up to date; returns its address.

    The text may be anybody's: see `ci.forge.markdown`. Raises ForgeError.
    """
    body = body_of(name, text, pointer)
    for _ in range(ATTEMPTS):
        ours = _found(github, number, name)
        try:
            if not ours:
                return _address(github.post(f"issues/{number}/comments", {"body": body}))
            first, *others = ours
            # Two runs at once may each have made one.
            for one in others:
                github.delete(f"issues/comments/{one['id']}")
            if first.get("body") == body:
                return _address(first)
            return _address(github.patch(f"issues/comments/{first['id']}", {"body": body}))
        except UnsureError as error:
            unsure = error
    raise ForgeError(str(unsure))


def _found(github: GitHub, number: int, name: str) -> list[dict[str, Any]]:
    """Our comments with that marker, the oldest first. Anybody may write the marker, so the author counts too."""
    return [
        one
        for one in github.pages(f"issues/{number}/comments")
        if written_by(one, github.settings.login) and str(one.get("body") or "").startswith(marker(name))
    ]


def written_by(thing: dict[str, Any], login: str) -> bool:
    """Whether a comment or issue was written by the user of that name."""
    author = str((thing.get("user") or {}).get("login", ""))
    return author.lower() == login.lower()


def _address(comment: Any) -> str:
    return str(comment.get("html_url", "")) if isinstance(comment, dict) else ""
