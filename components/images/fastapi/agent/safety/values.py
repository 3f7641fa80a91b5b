"""The texts within a JSON value, as they are: in JSON a new line is a backslash and an n, and hides what follows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def rewritten(value: Any, text: Callable[[str], str]) -> Any:
    """The same value with each text, names included, as `text` gives it; names that become the same are numbered."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, list):
        return [rewritten(item, text) for item in value]
    if not isinstance(value, dict):
        return value
    result: dict[str, Any] = {}
    for name, item in value.items():
        wanted = given = text(name)
        number = 1
        while given in result:
            number += 1
            given = f"{wanted} {number}"
        result[given] = rewritten(item, text)
    return result


def length(value: Any) -> int:
    """Characters of all texts in a value."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(map(length, value))
    return sum(len(name) + length(item) for name, item in value.items()) if isinstance(value, dict) else 0
