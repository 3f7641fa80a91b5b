"""The permission to delete many agents: a line that a reviewer wrote, of just the commits that are merged.

It is a line of its own in a review's text, `roster: allow deletions` (or `removals`). An approval without it says that
the change is good, not that somebody saw how much it deletes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ci.forge.github import GitHub, MissingError

KIND = "deletions"
LINE = "roster: allow deletions"
_LINE = re.compile(r"^\s*roster: allow (?:deletions|removals)\s*$", re.IGNORECASE)
_WRITERS = ("write", "admin")
# GitHub lists no more of a pull request's commits, so its authors would not all be known.
MOST_COMMITS = 250
_EDITED = "query($id:ID!){node(id:$id){... on PullRequestReview{lastEditedAt}}}"


@dataclass(frozen=True, slots=True)
class Permission:
    """Who gave it, when, for which commit of which pull request. As JSON it is what `roster up` reads."""

    kind: str
    pull: int
    head: str
    by: str
    at: str

    def as_json(self) -> str:
        """As a file's text."""
        return json.dumps(asdict(self), indent=1) + "\n"


def read_permission(text: str) -> Permission:
    """What `as_json` wrote. Raises ValueError, with what is wrong with it."""
    content = json.loads(text)
    kinds = {"kind": str, "pull": int, "head": str, "by": str, "at": str}
    if not isinstance(content, dict) or content.keys() != kinds.keys():
        raise ValueError(f"it has other parts than {', '.join(kinds)}")
    wrong = [name for name, kind in kinds.items() if type(content[name]) is not kind]
    if wrong:
        raise ValueError(f"{wrong[0]} is {content[wrong[0]]!r}")
    if content["kind"] != KIND:
        raise ValueError(f"it is for {content['kind']}, not for {KIND}")
    return Permission(**content)


@dataclass(frozen=True, slots=True)
class Answer:
    """The permission, or in `reasons` why there is none: a sentence for each review that asked for it, or one."""

    permission: Permission | None
    reasons: tuple[str, ...] = ()


def deletions_permitted(github: GitHub, pull: int, head: str) -> Answer:
    """Whether a reviewer of the pull request allowed its deletions, as of the commit `head`. Raises ForgeError."""
    raw = github.get(f"pulls/{pull}")
    if raw["head"]["sha"] != head:
        return Answer(None, (f"pull request {pull} is at {raw['head']['sha'][:10]} now, not at {head[:10]}",))
    if raw["commits"] > MOST_COMMITS:
        return Answer(None, (f"pull request {pull} has over {MOST_COMMITS} commits, so its authors are not all known",))
    asking = _standing(github.pages(f"pulls/{pull}/reviews"))
    if not asking:
        said = f"no reviewer of pull request {pull} wrote the line `{LINE}` in a review of {head[:10]}"
        return Answer(None, (said,))
    authors = _authors(github, pull, raw)
    reasons = []
    for review in asking:
        reason = _objection(github, review, head, authors)
        if not reason:
            by = review["user"]["login"]
            return Answer(Permission(KIND, pull, head, by, review["submitted_at"]))
        reasons.append(reason)
    return Answer(None, tuple(reasons))


def _standing(reviews: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each person's latest review with the line, unless a later one of theirs took it back. GitHub lists by time.

    A later approval or answer takes nothing back; a request for changes does, and so does a dismissal.
    """
    found: dict[str, dict[str, Any]] = {}
    for review in reviews:
        login = (review.get("user") or {}).get("login", "").lower()
        state = review.get("state", "")
        if state in ("CHANGES_REQUESTED", "DISMISSED"):
            found.pop(login, None)
        elif state in ("APPROVED", "COMMENTED") and any(map(_LINE.match, str(review.get("body") or "").splitlines())):
            found[login] = review
    return [review for login, review in found.items() if login]


def _authors(github: GitHub, pull: int, raw: dict[str, Any]) -> set[str]:
    """The logins, in small letters, of all who made it. One whom GitHub does not know is an empty one."""
    authors = {raw["user"]["login"].lower() if raw["user"] else ""}
    for commit in github.pages(f"pulls/{pull}/commits"):
        author, committer = commit.get("author"), commit.get("committer")
        authors.add(author["login"].lower() if author else "")
        if committer:
            authors.add(committer["login"].lower())
    return authors


def _objection(github: GitHub, review: dict[str, Any], head: str, authors: set[str]) -> str:
    """Why this review permits nothing; empty when it does."""
    login = review["user"]["login"]
    if review.get("commit_id") != head:
        seen = str(review.get("commit_id") or "an unknown commit")[:10]
        return f"{login} allowed the deletions of {seen}; {head[:10]} needs a review of its own"
    if login.lower() in authors:
        return f"{login} wrote the change, and so cannot allow its deletions"
    if review["user"].get("type") != "User":
        return f"{login} is a program; a person has to allow deletions"
    if "" in authors:
        return "a commit's author has no account on GitHub, so nobody can be told apart from the authors"
    if not _may_write(github, login):
        return f"{login} may not write to the repository, and so cannot allow deletions"
    if _edited(github, review):
        return f"{login}'s review was edited afterwards, which others can do; it takes a new review"
    return ""


def _may_write(github: GitHub, login: str) -> bool:
    try:
        granted = github.get(f"collaborators/{login}/permission")
    except MissingError:
        return False
    return granted.get("permission") in _WRITERS


def _edited(github: GitHub, review: dict[str, Any]) -> bool:
    """Whether the text was changed since: anyone with the right to write may change another's, the author too."""
    node = github.graphql(_EDITED, id=review["node_id"]).get("node")
    return not isinstance(node, dict) or node.get("lastEditedAt", "") is not None
