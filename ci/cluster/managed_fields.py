"""Who set a field of a live object: `metadata.managedFields`, as the API server keeps them.

Format: structured-merge-diff's FieldsV1. `f:<name>` is a field, `k:<json>` the list element that has these keys,
`v:<json>` a member of a set, `i:<n>` an element by position, `.` the thing itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Element:
    """A step of a path into a list: how it is called in texts, and the element itself as it is live."""

    label: str
    live: Any


Step = str | Element
Path = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who set a field: the manager's name, `Apply` or `Update`, and when (RFC 3339; empty when not recorded)."""

    manager: str
    operation: str
    time: str
    subresource: str = ""

    def __str__(self) -> str:
        through = f" through {self.subresource}" if self.subresource else ""
        return f"{self.manager} ({self.operation}{through}{', ' + self.time if self.time else ''})"


def owners(live: Object, path: Path) -> list[Owner]:
    """Who owns the field of that path, or the whole that it is a part of; the last to set it first."""
    return _sorted(owner for owner, fields in _entries(live) if _owned(fields, path))


def others(live: Object, path: Path) -> list[Owner]:
    """Who owns exactly this field, or something in it, by a direct change of the object (no subresource)."""
    found = ((owner, _at(fields, path)) for owner, fields in _entries(live))
    return _sorted(owner for owner, node in found if node is not None and not owner.subresource)


def last_changes(live: Object) -> list[Owner]:
    """Everyone who set something other than the status, the last one first."""
    return _sorted(owner for owner, _ in _entries(live) if owner.subresource != "status")


def path_text(path: Path) -> str:
    """The path as people write it: `spec.template.spec.containers[agent].image`."""
    text = ""
    for step in path:
        if isinstance(step, Element):
            text += f"[{step.label}]"
        else:
            plain = step.replace("-", "").replace("_", "").isalnum()
            text += (f".{step}" if text else step) if plain else f"[{json.dumps(step)}]"
    return text


def _sorted(found: Iterable[Owner]) -> list[Owner]:
    return sorted(found, key=lambda owner: owner.time, reverse=True)


def _entries(live: Object) -> Iterator[tuple[Owner, Object]]:
    for entry in live["metadata"].get("managedFields") or ():
        owner = Owner(
            entry.get("manager", ""), entry.get("operation", ""), entry.get("time", ""), entry.get("subresource", "")
        )
        yield owner, entry.get("fieldsV1") or {}


def _owned(fields: Object, path: Path) -> bool:
    """Whether the set holds the path, or ends above it: a list or map that is set as a whole is a leaf."""
    node = fields
    for step in path:
        inside = _child(node, step)
        if inside is None:
            return not any(key != "." for key in node) and node is not fields
        node = inside
    return True


def _at(fields: Object, path: Path) -> Object | None:
    node: Object | None = fields
    for step in path:
        if node is None:
            return None
        node = _child(node, step)
    return node


def _child(node: Object, step: Step) -> Object | None:
    if isinstance(step, str):
        found = node.get(f"f:{step}")
        return found if isinstance(found, dict) else None
    for key, inside in node.items():
        if key[:2] == "k:" and isinstance(step.live, Mapping):
            if all(step.live.get(name) == value for name, value in _json(key[2:]).items()):
                return dict(inside)
        elif key[:2] == "v:" and _json(key[2:]) == step.live:
            return dict(inside)
    return None


@lru_cache(maxsize=4096)
def _json(text: str) -> Any:
    return json.loads(text)
