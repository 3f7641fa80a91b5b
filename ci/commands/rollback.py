"""`roster rollback`: a definition and the files that it names, as they were at a commit."""

from __future__ import annotations

import typer

from ci.commands.proposal import Proposal, propose
from ci.commands.session import CLEAN, FINDINGS, fail, open_fleet, top
from ci.fleet_edit import Known, know, read_or_none
from ci.formats import as_text
from ci.git import CommitTree, GitError, commit_of, git
from components.definition.agent import Definition
from components.definition.explain_error import validate
from components.definition.findings import errors
from components.definition.load_agent import LoadedAgent
from components.definition.places import agent_of, definition_paths
from components.definition.tree import AGENTS, FileProblem
from components.definition.yaml_reader import read_yaml
from components.fleet import Fleet, files_named


def run(agent: str, ref: str, dry_run: bool) -> None:
    """Puts the files back, or says why that is not possible and writes nothing."""
    fleet = open_fleet()
    try:
        git(top(), "rev-parse", "--git-dir")
    except GitError as error:
        raise fail(f"{top()} is not in a git repository, so there is no {ref!r} to go back to") from error
    try:
        commit = commit_of(top(), ref)
        tree = CommitTree(top(), commit)
        path = _definition(fleet, tree, agent, ref)
        changes = _then(tree, path)
        programs = _programs(commit, changes)
    except GitError as error:
        raise fail(str(error)) from error
    except FileProblem as problem:
        raise fail(f"{problem.message}, so {agent} cannot go back to it", FINDINGS) from problem
    known = know(fleet)
    for gone in _only_now(fleet, path, set(changes), known):
        changes[gone] = None
    if all(read_or_none(fleet.tree, one) == data for one, data in changes.items()):
        typer.echo(f"{path} is already as it was at {ref}; nothing to change")
        raise typer.Exit(CLEAN)
    proposal = Proposal(
        changes, f"roll {agent_of(path)[1]} back to {commit[:12]}", strict=True, executable=tuple(programs), known=known
    )
    propose(fleet, proposal, dry_run)


def _definition(fleet: Fleet, tree: CommitTree, agent: str, ref: str) -> str:
    """The definition's path; an agent that is gone today is looked for in the commit."""
    try:
        path = fleet.find(agent)
    except LookupError as error:
        then = [one for one in definition_paths(tree.files(AGENTS)) if agent in _words(one)]
        if len(then) != 1:
            raise fail(f"{error.args[0]} Nor is there one at {ref}.") from error
        return then[0]
    if path not in tree.files(AGENTS).files:
        raise fail(f"{ref} has no {path}, so {agent} cannot go back to it", FINDINGS)
    return path


def _words(path: str) -> tuple[str, ...]:
    pool, name = agent_of(path)
    return path, name, f"{pool}/{name}"


def _then(tree: CommitTree, path: str) -> dict[str, bytes | None]:
    """The definition and the files that it named, with their bytes at the commit. Raises FileProblem."""
    data = _read(tree, path)
    changes: dict[str, bytes | None] = {path: data}
    document = read_yaml(data, path)
    found = [*document.findings, *validate(Definition, document.value, document)]
    if errors(found):
        raise fail(f"the definition of then is not valid today:\n{as_text(found)}nothing was written", FINDINGS)
    pool, name = agent_of(path)
    for named in files_named(LoadedAgent(name, pool, document, document.value, {}, {}, {})):
        inside = tree.files(named.rstrip("/")).files if named.endswith("/") else (named,)
        if not inside:
            raise FileProblem("missing-file", f"there is no folder {named} in {tree.commit[:10]}")
        changes |= {one: _read(tree, one) for one in inside}
    return changes


def _read(tree: CommitTree, path: str) -> bytes:
    """A file's bytes at the commit, by a git process that ends with it."""
    if path not in tree.files(AGENTS).files:
        raise FileProblem("missing-file", f"there is no file {path} in {tree.commit[:10]}")
    return git(tree.top, "cat-file", "blob", f"{tree.commit}:./{path}").encode("utf-8", "surrogateescape")


def _only_now(fleet: Fleet, path: str, then: set[str], known: list[Known]) -> list[str]:
    """Files that nothing would name any more after going back."""
    if path not in fleet.listing.files:
        return []
    mine = next(one.named for one in known if one.path == path)
    others = set().union(*(one.named for one in known if one.path != path))
    return [one for one in files_in(fleet, mine) if one not in then and one not in files_in(fleet, others)]


def files_in(fleet: Fleet, named: set[str]) -> set[str]:
    """The files among `named`, folders (with a slash behind) taken apart."""
    folders = tuple(one for one in named if one.endswith("/"))
    return {one for one in fleet.listing.files if one in named or (folders and one.startswith(folders))}


def _programs(commit: str, changes: dict[str, bytes | None]) -> list[str]:
    listed = git(top(), "ls-tree", "-z", "-r", commit, "--", *sorted(changes)).split("\0")
    return [line.split("\t", 1)[1] for line in listed if line.startswith("100755")]
