"""The part of GitHub's REST API that makes commits: references, trees, commits, files, pull requests of a branch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from forge_server import Asked, Forge

Answer = tuple[int, Any]


@dataclass
class Objects:
    """Trees (path → text), commits and branches, all by name."""

    trees: dict[str, dict[str, str]] = field(default_factory=dict)
    commits: dict[str, dict[str, Any]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)

    def tree(self, files: dict[str, str]) -> str:
        """Keeps a tree; its name."""
        name = _name("tree", files)
        self.trees[name] = files
        return name

    def commit(self, tree: str, parents: list[str], message: str) -> str:
        """Keeps a commit; its name. Each is another one, for it has a time."""
        name = _name("commit", [tree, parents, message, len(self.commits)])
        self.commits[name] = {"tree": tree, "parents": parents, "message": message}
        return name

    def push(self, branch: str, files: dict[str, str]) -> str:
        """Somebody's commit on a branch that has just these files from then on."""
        parents = [self.branches[branch]] if branch in self.branches else []
        self.branches[branch] = self.commit(self.tree(files), parents, "somebody's")
        return self.branches[branch]

    def files(self, branch: str) -> dict[str, str]:
        """A branch's files."""
        return self.trees[self.commits[self.branches[branch]]["tree"]]

    def history(self, branch: str) -> list[str]:
        """The messages of a branch's commits, the newest first."""
        found, commit = [], self.branches[branch]
        while commit:
            one = self.commits[commit]
            found.append(one["message"])
            commit = one["parents"][0] if one["parents"] else ""
        return found


def _name(kind: str, content: Any) -> str:
    return hashlib.sha1(f"{kind} {json.dumps(content, sort_keys=True)}".encode()).hexdigest()  # noqa: S324


def _refused(message: str) -> Answer:
    return 422, {"message": message, "documentation_url": "https://docs.github.com/rest", "status": "422"}


def _reference(forge: Forge, asked: Asked, branch: str) -> Answer:
    branch = unquote(branch)
    commit = forge.git.branches.get(branch)
    shown = {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": commit}}
    return (200, shown) if commit else (404, {"message": "Not Found"})


def _add_reference(forge: Forge, asked: Asked) -> Answer:
    branch = asked.body["ref"].removeprefix("refs/heads/")
    if branch in forge.git.branches:
        return _refused("Reference already exists")
    forge.git.branches[branch] = asked.body["sha"]
    return 201, _reference(forge, asked, branch)[1]


def _move_reference(forge: Forge, asked: Asked, branch: str) -> Answer:
    branch, commit = unquote(branch), asked.body["sha"]
    if branch not in forge.git.branches:
        return _refused("Reference does not exist")
    if not asked.body.get("force") and forge.git.branches[branch] not in forge.git.commits[commit]["parents"]:
        return _refused("Update is not a fast forward")
    forge.git.branches[branch] = commit
    for pull in forge.pulls.values():
        if pull["state"] == "open" and (pull["head"]["ref"], pull["head"]["repo"]) == (branch, pull["base"]["repo"]):
            pull["head"]["sha"] = commit
    return 200, _reference(forge, asked, branch)[1]


def _commit(forge: Forge, asked: Asked, name: str) -> Answer:
    one = forge.git.commits.get(name)
    if not one:
        return 404, {"message": "Not Found"}
    return 200, {
        "sha": name, "message": one["message"], "tree": {"sha": one["tree"]},
        "parents": [{"sha": parent} for parent in one["parents"]],
    }  # fmt: skip


def _add_commit(forge: Forge, asked: Asked) -> Answer:
    if asked.body["tree"] not in forge.git.trees:
        return _refused("Tree SHA does not exist")
    name = forge.git.commit(asked.body["tree"], asked.body["parents"], asked.body["message"])
    return 201, _commit(forge, asked, name)[1]


def _add_tree(forge: Forge, asked: Asked) -> Answer:
    if not asked.body["tree"] or asked.body["base_tree"] not in forge.git.trees:
        return _refused("Invalid tree info")
    files = dict(forge.git.trees[asked.body["base_tree"]])
    for entry in asked.body["tree"]:
        if ("sha" in entry) == ("content" in entry):
            return _refused(
                "Must supply either tree.sha or tree.content. Request will be rejected if both are present."
            )
        if "content" in entry:
            files[entry["path"]] = entry["content"]
        elif files.pop(entry["path"], None) is None:
            return _refused("GitRPC::BadObjectState")
    name = forge.git.tree(files)
    return 201, {"sha": name, "tree": [{"path": path} for path in sorted(files)], "truncated": False}


def _contents(forge: Forge, asked: Asked, path: str) -> Answer:
    files = forge.git.trees[forge.git.commits[asked.query["ref"]]["tree"]]
    found = {"type": "file", "path": unquote(path)}
    return (200, found) if unquote(path) in files else (404, {"message": "Not Found"})


def _add_pull(forge: Forge, asked: Asked) -> Answer:
    head, base = asked.body["head"], asked.body["base"]
    branches, repository = forge.git.branches, asked.path.split("/")[2:4]
    if forge.git.commits[branches[head]]["tree"] == forge.git.commits[branches[base]]["tree"]:
        return _refused(f"No commits between {base} and {head}")
    here = {"full_name": "/".join(repository), "default_branch": "main"}
    for one in forge.pulls.values():
        if (one["state"], one["head"]["ref"], one["head"]["repo"]) == ("open", head, here):
            return _refused(f"A pull request already exists for {repository[0]}:{head}.")
    number = forge.number()
    forge.pull(number, branches[head], "github-actions[bot]", base=base)
    forge.pulls[number] |= {
        "title": asked.body["title"], "body": asked.body["body"], "state": "open", "merged_at": None,
        "html_url": f"https://github.example.com/{here['full_name']}/pull/{number}",
        "head": {"ref": head, "sha": branches[head], "repo": here},
    }  # fmt: skip
    return 201, forge.pulls[number]


def _edit_pull(forge: Forge, asked: Asked, number: str) -> Answer:
    forge.pulls[int(number)] |= asked.body
    return 200, forge.pulls[int(number)]


ROUTES: list[tuple[str, str, Callable[..., Answer]]] = [
    ("GET", "git/ref/heads/(.+)", _reference),
    ("POST", "git/refs", _add_reference),
    ("PATCH", "git/refs/heads/(.+)", _move_reference),
    ("GET", "git/commits/([0-9a-f]+)", _commit),
    ("POST", "git/commits", _add_commit),
    ("POST", "git/trees", _add_tree),
    ("GET", "contents/(.+)", _contents),
    ("POST", "pulls", _add_pull),
    ("PATCH", r"pulls/(\d+)", _edit_pull),
]
