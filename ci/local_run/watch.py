"""One agent's definition as it is on disk now, and whether its files have changed since it was read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from components.definition.findings import Finding, InvalidInput, errors
from components.definition.tree import WorkTree
from components.fleet import Fleet, files_named
from components.resolve.resolved import ResolvedAgent

_CATALOG = "agents/catalog"
Seen = dict[Path, tuple[int, int]]


class WatchedAgent:
    """The agent of the definition `path` (relative to `top`) in an environment; empty: in the first that it runs in."""

    def __init__(self, top: Path, path: str, environment: str) -> None:
        self._top = top
        self._path = path
        self._environment = environment
        self._places = [top / path, top / _CATALOG]
        self._seen: Seen = {}

    def read(self) -> tuple[ResolvedAgent | None, Sequence[Finding]]:
        """The agent, or None and what is wrong; no finding when it just does not run in the environment."""
        # Looked at first: what changes while it is read counts as changed.
        before = look(self._places)
        try:
            examined = Fleet.open(WorkTree(self._top)).examine(self._path)
        except InvalidInput as error:
            self._seen = before
            return None, error.findings
        if examined.agent:
            named = sorted(self._top / one for one in files_named(examined.agent))
            self._places = [*self._places[:2], *named]
        self._seen = {**look(self._places), **before}
        found = errors(examined.findings)
        wanted = self._environment or next(iter(examined.resolved), "")
        return (None if found else examined.resolved.get(wanted)), found

    def has_changed(self) -> bool:
        """Whether a file is not as it was when it was last read."""
        return look(self._places) != self._seen


def look(places: Iterable[Path]) -> Seen:
    """Each file, and each file of each folder, with the time of its last change and its size."""
    seen: Seen = {}
    for place in places:
        for path in place.rglob("*") if place.is_dir() else (place,):
            try:
                found = path.stat()
            except OSError:
                continue
            seen[path] = (found.st_mtime_ns, found.st_size)
    return seen
