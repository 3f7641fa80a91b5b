"""Edits of the fleet: what a change of some files would break, found before anything is written."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ci.atomic_files import write_files
from ci.inspection import Inspector
from ci.overlay_tree import OverlayTree
from ci.parallel import for_each
from components.definition.findings import Finding, errors
from components.definition.places import is_definition
from components.definition.tree import AGENTS, FileProblem, Tree
from components.facts import Facts
from components.fleet import Fleet, files_named
from components.fleet_rules import fleet_findings

Changes = Mapping[str, bytes | None]

# What the rules between agents look at; an edit that leaves these alone cannot break another agent.
_BETWEEN_AGENTS = (
    "key",
    "environment",
    "namespace",
    "secrets",
    "bot_credentials",
    "route",
    "callers",
    "calls",
    "serves",
)


class ChangedMeanwhile(Exception):  # noqa: N818 - it names what happened
    """A file is no longer as it was when the edit was made."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an edit does: errors that it brings, facts afterwards, files that nothing names any more.

    Errors that were there before do not count as brought; `left` are those of them in the files that it concerns.
    """

    brought: list[Finding]
    left: list[Finding]
    facts: list[Facts]
    orphans: list[str]


@dataclass(frozen=True, slots=True)
class Known:
    """What there is to know of one definition without rendering it; small, since it travels between processes."""

    path: str
    facts: list[Facts]
    named: set[str]


def know(fleet: Fleet, processes: int | None = None) -> list[Known]:
    """All definitions of a fleet, in order."""

    def look(path: str) -> Known:
        examined = fleet.examine(path)
        return Known(path, examined.facts(), files_named(examined.agent) if examined.agent else set())

    return list(for_each(fleet.definitions, look, processes))


class Edit:
    """New bytes by path, None for a file that goes; what would change nothing is left out."""

    def __init__(self, fleet: Fleet, changes: Changes) -> None:
        self.fleet = fleet
        self.before = {path: read_or_none(fleet.tree, path) for path in changes}
        self.changes = {path: data for path, data in changes.items() if data != self.before[path]}

    def judge(self, today: str, known: list[Known] | None = None) -> Verdict:
        """What it would do to the fleet; `known` is what `know` said of it, if that was asked already.

        Raises InvalidInput when the catalog would not be sound afterwards.
        """
        fleet, changes = self.fleet, self.changes
        after = Fleet.open(OverlayTree(fleet.tree, changes))
        touched = {path for path in changes if is_definition(path)}
        aside = set(changes) - touched
        comes_or_goes = any(self.before[path] is None or changes[path] is None for path in touched)
        if known is None and (aside or comes_or_goes):
            known = know(fleet)
        if known:
            touched |= {one.path for one in known if any(_names(one.named, path) for path in aside)}
        old, new = _seen(fleet, touched, today), _seen(after, touched, today)
        sound = not errors(new.findings)  # an agent that is not cannot answer others, which would only repeat that
        if known is None and sound and (_outward(old.facts) != _outward(new.facts) or old.named - new.named):
            known = know(fleet)
        orphans: list[str] = []
        if known is not None and sound:
            others = [one for one in known if one.path not in touched]
            facts = [fact for one in others for fact in one.facts]
            old.findings += _between(fleet, facts + old.facts)
            new.findings += _between(after, facts + new.facts)
            still = set().union(new.named, *(one.named for one in others))
            orphans = [path for path in after.listing.files if _names(old.named, path) and not _names(still, path)]
        return _verdict(old, new, orphans, touched | set(changes))

    def difference(self) -> str:
        """A unified diff, files in order."""
        return "".join(line for path in sorted(self.changes) for line in self._lines(path))

    def write(self, top: Path, executable: Collection[str] = ()) -> None:
        """Writes the changes below `top`. Raises ChangedMeanwhile when a file is not as it was, and OSError."""
        for path in self.changes:
            if read_or_none(self.fleet.tree, path) != self.before[path]:
                raise ChangedMeanwhile(f"{path} was changed meanwhile; nothing was written")
        changes = {top / path: data for path, data in self.changes.items()}
        write_files(changes, {top / path for path in executable})
        for path, data in self.changes.items():
            if data is None:
                _remove_empty(top, Path(path).parent)

    def _lines(self, path: str) -> Iterator[str]:
        old, new = self.before[path], self.changes[path]
        before, after = _text(old), _text(new)
        if before is None or after is None:
            yield f"--- {path}\n(not text: {len(old or b''):,} bytes before, {len(new or b''):,} after)\n"
            return
        names = (f"a/{path}" if old is not None else "/dev/null", f"b/{path}" if new is not None else "/dev/null")
        for line in difflib.unified_diff(before.splitlines(True), after.splitlines(True), *names, n=2):
            yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def read_or_none(tree: Tree, path: str) -> bytes | None:
    """A file's bytes, None when there is none. Raises FileProblem when it cannot be read."""
    try:
        return tree.read(path)
    except FileProblem as problem:
        if problem.rule == "missing-file":
            return None
        raise


@dataclass(slots=True)
class _Seen:
    findings: list[Finding]
    facts: list[Facts]
    named: set[str]


def _seen(fleet: Fleet, paths: Collection[str], today: str) -> _Seen:
    inspector, seen = Inspector(fleet, today), _Seen([], [], set())
    there = set(fleet.definitions)
    for path in sorted(paths):
        if path in there:
            one = inspector.see(path)
            seen.findings += one.findings
            seen.facts += one.facts
            seen.named |= one.named
    return seen


def _verdict(old: _Seen, new: _Seen, orphans: list[str], touched: Collection[str]) -> Verdict:
    were = {(one.file, one.rule, one.message) for one in old.findings}
    wrong = sorted(set(errors(new.findings)))
    brought = [one for one in wrong if (one.file, one.rule, one.message) not in were]
    left = [one for one in wrong if one not in brought and one.file in touched]
    return Verdict(brought, left, new.facts, orphans)


def _between(fleet: Fleet, facts: list[Facts]) -> list[Finding]:
    return fleet_findings(fleet.definitions, facts, fleet.catalog, fleet.tree)


def _outward(facts: list[Facts]) -> list[tuple[object, ...]]:
    return [tuple(getattr(one, name) for name in _BETWEEN_AGENTS) for one in facts]


def _names(named: Collection[str], path: str) -> bool:
    """Whether `path` is among the files and folders (with a slash behind) that a definition names."""
    return path in named or any(path.startswith(one) for one in named if one.endswith("/"))


def _text(data: bytes | None) -> str | None:
    try:
        return (data or b"").decode()
    except UnicodeDecodeError:
        return None


def _remove_empty(top: Path, folder: Path) -> None:
    """Removes folders left empty, never a pool's own."""
    while len(folder.parts) > len(Path(AGENTS).parts) + 1:
        try:
            (top / folder).rmdir()
        except FileNotFoundError:
            pass
        except OSError:  # it holds something
            return
        folder = folder.parent
