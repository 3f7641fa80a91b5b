"""A state of the repository with some files changed: what an edit would make of it, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping

from components.definition.tree import FileProblem, Listing, Tree


class OverlayTree:
    """`base` with `changes` over it: new bytes by path, None for a file that is gone."""

    def __init__(self, base: Tree, changes: Mapping[str, bytes | None]) -> None:
        self.base = base
        self.changes = dict(changes)

    def files(self, folder: str) -> Listing:
        """All files below `folder`."""
        listing = self.base.files(folder)
        inside = {path: data for path, data in self.changes.items() if path.startswith(f"{folder}/")}
        kept = {path for path in listing.files if inside.get(path, b"") is not None}
        added = {path for path, data in inside.items() if data is not None}
        return Listing(tuple(sorted(kept | added)), listing.links)

    def read(self, path: str) -> bytes:
        """A file's bytes; raises FileProblem."""
        if path not in self.changes:
            return self.base.read(path)
        data = self.changes[path]
        if data is None:
            raise FileProblem("missing-file", f"there is no file {path}")
        return data
