"""One pull request that a job keeps: a branch with files as they are in the work tree, on top of the main branch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ci.forge.github import ATTEMPTS, ForgeError, GitHub, MissingError, UnsureError

_FILE_MODE = "100644"


def propose(github: GitHub, branch: str, base: str, title: str, body: str, files: Mapping[str, str | None]) -> str:
    """Brings the branch and its pull request up to date; returns the address, empty when nothing differs from `base`.

    `files`: path → text, or None for one that goes. The branch always holds one commit on top of `base`; one that says
    the same already is left alone, and a pull request that has nothing left to say is closed. Raises ForgeError.
    """
    for _ in range(ATTEMPTS):
        try:
            return _proposed(github, branch, base, title, body, files)
        except UnsureError as error:
            # It may have been done: what is there now says so.
            unsure = error
    raise ForgeError(str(unsure))


def _proposed(github: GitHub, branch: str, base: str, title: str, body: str, files: Mapping[str, str | None]) -> str:
    tip = github.get(f"git/ref/heads/{quote(base)}")["object"]["sha"]
    tree = github.get(f"git/commits/{tip}")["tree"]["sha"]
    wanted = _tree(github, tip, tree, files)
    there = _pull(github, branch, base)
    if wanted == tree:
        if there:
            github.patch(f"pulls/{there['number']}", {"state": "closed"})
        return ""
    _point(github, branch, title, wanted, tip)
    if there:
        return str(github.patch(f"pulls/{there['number']}", {"title": title, "body": body})["html_url"])
    return str(github.post("pulls", {"title": title, "body": body, "head": branch, "base": base})["html_url"])


def _tree(github: GitHub, tip: str, tree: str, files: Mapping[str, str | None]) -> str:
    """The tree of `tip` with the files in it. What is named by its content may be made twice."""
    entries = [
        _entry(path, text) for path, text in sorted(files.items()) if text is not None or _has(github, tip, path)
    ]
    # GitHub takes no tree without an entry, and none that removes what is not there.
    if not entries:
        return tree
    return str(github.post("git/trees", {"base_tree": tree, "tree": entries}, repeatable=True)["sha"])


def _entry(path: str, text: str | None) -> dict[str, Any]:
    entry: dict[str, Any] = {"path": path, "mode": _FILE_MODE, "type": "blob"}
    return entry | ({"sha": None} if text is None else {"content": text})


def _has(github: GitHub, commit: str, path: str) -> bool:
    try:
        github.get(f"contents/{quote(path)}", ref=commit)
    except MissingError:
        return False
    return True


def _pull(github: GitHub, branch: str, base: str) -> dict[str, Any] | None:
    """Our open pull request. Anybody may name a branch of a fork like ours."""
    ours = github.settings.repository.lower()
    for one in github.pages("pulls", state="open", head=f"{ours.partition('/')[0]}:{branch}", base=base):
        head = one["head"]
        if head["ref"] == branch and str((head.get("repo") or {}).get("full_name", "")).lower() == ours:
            return dict(one)
    return None


def _point(github: GitHub, branch: str, title: str, tree: str, parent: str) -> None:
    """Lets the branch be one commit on `parent`. Who has approved the very same one need not do so again."""
    try:
        now = github.get(f"git/ref/heads/{quote(branch)}")["object"]["sha"]
    except MissingError:
        now = ""
    if now:
        known = github.get(f"git/commits/{now}")
        if known["tree"]["sha"] == tree and [one["sha"] for one in known["parents"]] == [parent]:
            return
    content = {"message": title, "tree": tree, "parents": [parent]}
    commit = github.post("git/commits", content, repeatable=True)["sha"]
    if now:
        github.patch(f"git/refs/heads/{quote(branch)}", {"sha": commit, "force": True})
    else:
        github.post("git/refs", {"ref": f"refs/heads/{branch}", "sha": commit})
