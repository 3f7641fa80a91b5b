"""Keys with nothing after them: in YAML that is `null`, which says neither what is meant nor that nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.definition.findings import Finding
from components.definition.yaml_reader import Document, KeyPath

# `channels: {discord: }` asks for a channel with nothing to add; `overrides: {prod: }` says that nothing differs.
_MAY_BE_EMPTY = ("channels", "overrides")
# elizaOS's own keys, which its own rules judge.
_FOREIGN = ("character", "inline")


def empty_values(value: Any, document: Document, prefix: KeyPath = ()) -> list[Finding]:
    """A finding for each key (or list item) of `value`, which stands at `prefix`, that has no value."""
    known = {(one.line, one.column) for one in document.findings}
    found = []
    for path in _empty(value, ()):
        # What the reader refused is null too, and said already.
        if document.place((*prefix, *path)) in known:
            continue
        where = ".".join(map(str, path)) or ".".join(map(str, prefix)) or "the file"
        message = f"{where} has no value; give one, or leave the key out"
        at_key = bool(path) and isinstance(path[-1], str)
        found.append(document.finding((*prefix, *path), "empty-value", message, key=at_key or not path))
    return found


def fill_allowed(value: Any) -> None:
    """Makes an override that is allowed to be empty an empty mapping, in place."""
    overrides = value.get("overrides") if isinstance(value, dict) else None
    if isinstance(overrides, dict):
        for environment, settings in overrides.items():
            if settings is None:
                overrides[environment] = {}


def _empty(value: Any, path: KeyPath) -> Iterator[KeyPath]:
    if value is None:
        yield path
        return
    if type(value) is dict:
        for key, child in value.items():
            if child is None:
                if not path or path[-1] not in _MAY_BE_EMPTY:
                    yield (*path, key)
            elif type(child) in (dict, list) and (*path, key)[-2:] != _FOREIGN:
                yield from _empty(child, (*path, key))
    elif type(value) is list:
        for index, child in enumerate(value):
            yield from _empty(child, (*path, index))
