"""Where a finding is shown: in the file that somebody wrote, not in the one that a scanner read."""

from __future__ import annotations

from collections.abc import Iterator

from ci.scan.fields import field_of
from ci.scan.piece import Hit
from components.definition.load_agent import load_agent
from components.definition.pasted_secrets import looks_secret
from components.definition.places import beside
from components.definition.tree import FileProblem
from components.definition.yaml_reader import Document
from components.fleet import Fleet

Place = tuple[str, int, int]
_SECRET = "CKV_SECRET_"
_TEXTS = ("prompt", "character")


class Places:
    """Places in one fleet's files, each file read once."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._documents: dict[str, Document | None] = {}

    def of(self, hit: Hit) -> Place:
        """File, line and column, from 1."""
        piece = hit.piece
        if piece.kind != "object":
            # Filling in a template leaves every line where it is.
            return piece.source, max(hit.line, 1), 1
        if piece.agent is not None:
            return self._of_agent(hit)
        kind, name = ("pools", piece.pool) if piece.pool else ("environments", piece.environment)
        line, column = self._fleet.catalog.documents[kind].place((name,), key=True)
        return piece.source, line, column

    def _of_agent(self, hit: Hit) -> Place:
        document = self._document(hit.piece.source)
        if document is None:
            return hit.piece.source, 1, 1
        if hit.check.startswith(_SECRET):
            for place in self._secret(document):
                return place
        return (document.file, *document.place(field_of(hit, document)))

    def _document(self, path: str) -> Document | None:
        if path not in self._documents:
            agent, _ = load_agent(self._fleet.tree, path, frozenset(self._fleet.listing.files))
            self._documents[path] = agent.document if agent else None
        return self._documents[path]

    def _secret(self, document: Document) -> Iterator[Place]:
        """Lines that look like a secret, in the definition and in the files that its prompt or character names."""
        files = [document.file]
        for field in _TEXTS:
            named = (document.value.get(field) or {}) if isinstance(document.value, dict) else {}
            path = beside(document.file, named["file"]) if isinstance(named, dict) and "file" in named else None
            files += [path] if path else []
        for file in files:
            try:
                lines = self._fleet.tree.read(file).decode("utf-8", "replace").splitlines()
            except FileProblem:
                continue
            for number, line in enumerate(lines, start=1):
                if looks_secret(line):
                    yield file, number, 1
