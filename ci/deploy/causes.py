"""Whether an agent's change is its own, or one that it shares with others: a runtime, a default, Roster's own code.

A bad change that is shared would harm the next agents just as it harmed the first; one that is an agent's own cannot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from ci.deploy.changes import Change
from ci.deploy.offers import offers_of
from ci.git import CommitTree, GitError, commit_of
from ci.overlay_tree import OverlayTree
from components.applied import Applied
from components.definition.findings import InvalidInput, errors
from components.definition.load_agent import load_agent
from components.definition.tree import FileProblem, WorkTree
from components.fleet import Fleet, files_named


def shared_changes(top: Path, changes: Iterable[Change]) -> set[Change]:
    """Those of the changes that are not the agent's own alone, or of which that cannot be told.

    An agent's change is its own when the files that only it has, as of the commit that it was applied from, would give
    the very objects that were applied, with everything else as it is today.
    """
    by_commit: dict[str, list[Change]] = defaultdict(list)
    shared: set[Change] = set()
    for change in changes:
        before = _before(change)
        if before and before.commit:
            by_commit[before.commit].append(change)
        elif before:
            shared.add(change)
    for commit, group in by_commit.items():
        shared |= _shared_since(top, commit, group)
    return shared


def _before(change: Change) -> Applied | None:
    """What ran before the change; None for what is new."""
    if change.kind == "unproven":
        return change.last.previous if change.last else None
    return change.last if change.kind in ("changed", "held") and change.last and change.last.digest else None


def _shared_since(top: Path, commit: str, changes: list[Change]) -> set[Change]:
    try:
        with closing(CommitTree(top, commit_of(top, commit))) as then:
            fleet = Fleet.open(OverlayTree(WorkTree(top), _own_files(then, changes)))
            return {change for change in changes if not _as_applied(fleet, change)}
    except (GitError, InvalidInput):
        return set(changes)


def _own_files(then: CommitTree, changes: list[Change]) -> dict[str, bytes | None]:
    """The agents' definitions and the files that these name, as they were."""
    known = frozenset(then.files("agents").files)
    found: dict[str, bytes | None] = {}
    for change in changes:
        path = change.offer.path if change.offer else ""
        agent, findings = load_agent(then, path, known)
        if agent is None or errors(findings):
            continue
        for file in (path, *(one for one in files_named(agent) if not one.endswith("/"))):
            try:
                found[file] = then.read(file)
            except FileProblem:
                found[file] = None
    return found


def _as_applied(fleet: Fleet, change: Change) -> bool:
    before = _before(change)
    if change.offer is None or before is None:
        return False
    offers, _ = offers_of(fleet, change.offer.path, [change.stack.environment])
    return any(one.digest == before.digest for one in offers)
