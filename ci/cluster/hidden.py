"""Values of live objects as texts that anyone may read: what is or may be a secret is masked."""

from __future__ import annotations

import json
import re
from typing import Any

from ci.cluster.evidence import masked, without_keys
from ci.cluster.managed_fields import Element, Path

HIDDEN = "(hidden)"
_MOST = 300
# How much of what is the same stands before the first difference.
_BEFORE = 40
_SECRET_NAME = re.compile(
    r"(?i)passw|passphrase|secret|token|api_?key|access_?key|private_?key|credential|cookie|_key$"
)


def shown_values(kind: str, path: Path, one: Any, other: Any) -> tuple[str, str]:
    """Two values that differ as short texts: JSON (strings as they are), masked, cut to where they begin to differ."""
    if _is_secret(kind, path, one) or _is_secret(kind, path, other):
        return HIDDEN, HIDDEN
    texts = _text(one), _text(other)
    if texts[0] == texts[1]:
        return HIDDEN, HIDDEN
    same = next((at for at, (a, b) in enumerate(zip(*texts, strict=False)) if a != b), min(map(len, texts)))
    start = max(0, same - _BEFORE) if max(map(len, texts)) > _MOST else 0
    return _cut(texts[0], start), _cut(texts[1], start)


def _is_secret(kind: str, path: Path, value: Any) -> bool:
    if kind == "Secret" and path[0] in ("data", "stringData"):
        return True
    return isinstance(value, str) and any(
        _names_secret(step) for step in path if path[-1] == "value" or step == path[-1]
    )


def _text(value: Any) -> str:
    whole = value if isinstance(value, str) else json.dumps(_masked(value), ensure_ascii=False, sort_keys=True)
    return "\n".join(map(masked, without_keys(whole.splitlines())))


def _cut(text: str, start: int) -> str:
    part = ("…" if start else "") + text[start : start + _MOST]
    return part + ("…" if start + _MOST < len(text) else "")


def _names_secret(step: str | Element) -> bool:
    return bool(_SECRET_NAME.search(step.label if isinstance(step, Element) else step))


def _masked(value: Any) -> Any:
    """The value with the values of environment variables that bear a secret's name hidden."""
    if isinstance(value, list):
        return [_masked(one) for one in value]
    if not isinstance(value, dict):
        return value
    secret = isinstance(value.get("name"), str) and _SECRET_NAME.search(value["name"]) is not None
    return {key: HIDDEN if secret and key == "value" else _masked(one) for key, one in value.items()}
