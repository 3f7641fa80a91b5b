"""Reads manifests that nobody promises anything of: what is missing or of another type is empty, never an error."""

from __future__ import annotations

from typing import Any

from policies.rule import Manifest


def at(value: Any, *path: str) -> Any:
    """What lies at a path of keys; None when any of it is missing or no mapping."""
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """The mapping at a path; empty when there is none."""
    for part in path:
        if not isinstance(value, dict):
            return {}
        value = value.get(part)
    return value if isinstance(value, dict) else {}


def sequence(value: Any, *path: str) -> list[Any] | tuple[Any, ...]:
    """The list at a path; empty when there is none."""
    for part in path:
        if not isinstance(value, dict):
            return ()
        value = value.get(part)
    return value if isinstance(value, (list, tuple)) else ()


def mappings(value: Any, *path: str) -> list[dict[str, Any]]:
    """The mappings in the list at a path."""
    found = sequence(value, *path)
    return [one for one in found if isinstance(one, dict)] if found else []


def words(value: Any, *path: str) -> list[str]:
    """The texts in the list at a path."""
    return [one for one in sequence(value, *path) if isinstance(one, str)]


def text(value: Any, *path: str) -> str:
    """The text at a path; empty when there is none."""
    found = at(value, *path)
    return found if isinstance(found, str) else ""


def same(value: Any, wanted: Any) -> bool:
    """Whether two values are one to Kubernetes: 0 is not false, and 1 not true."""
    return value is wanted or (type(value) is type(wanted) and bool(value == wanted))


def shown(value: Any) -> str:
    """A value as it stands in YAML, for messages."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def kind_of(manifest: Manifest) -> str:
    """The manifest's kind; empty when it has none."""
    kind = manifest.get("kind")
    return kind if isinstance(kind, str) else ""


def name_of(manifest: Manifest) -> str:
    """The manifest's name; `?` when it has none."""
    return text(manifest, "metadata", "name") or "?"


def group_kind(manifest: Manifest) -> str:
    """`group/Kind` without the version; `/Kind` in Kubernetes' core group."""
    group, slash, _ = text(manifest, "apiVersion").partition("/")
    return f"{group if slash else ''}/{kind_of(manifest)}"
