"""What is left of a definition without its faulty parts, so that one error does not hide the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from components.definition.yaml_reader import KeyPath

# Findings that may only be there because something was left out.
CONSEQUENCES = frozenset({"missing-key", "no-effect", "either-or"})


def without(raw: Any, faults: Iterable[KeyPath]) -> dict[str, Any]:
    """A copy of `raw` without the settings that hold a fault, nor any that has no value. A setting goes as a whole."""
    if not isinstance(raw, dict):
        return {}
    places = {path[:3] if path[:1] == ("overrides",) else path[:1] for path in faults}
    left = {key: value for key, value in raw.items() if (key,) not in places and not _hollow(key, value)}
    overrides = left.pop("overrides", None)
    if isinstance(overrides, dict):
        left["overrides"] = {
            name: {
                key: value
                for key, value in settings.items()
                if ("overrides", name, key) not in places and not _hollow(key, value)
            }
            for name, settings in overrides.items()
            if isinstance(settings, dict) and ("overrides", name) not in places
        }
    return left


def _hollow(key: str, value: Any) -> bool:
    if isinstance(value, dict):
        return any(_hollow("", one) for one in value.values() if key not in ("channels", "overrides"))
    return value is None or (isinstance(value, list) and None in value)
