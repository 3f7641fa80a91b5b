"""Differences between two manifests, and what they mean to people."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.manifest_yaml import dump
from components.specs import Manifest

Steps = tuple[str, ...]
ABSENT = "absent"
_CHECKSUM = "roster/config-sha256"
_SHORT = 80
# What Markdown or HTML would make something else of than text.
_MARKUP = re.compile(r"[<>`|~&\\]|\]\(|\*\*|\*\w|!\[|^ *(#|::)|##\[|__")


@dataclass(frozen=True, slots=True)
class Difference:
    """One value that differs. `before` and `after` are text as YAML shows it; `absent` where there is none."""

    kind: str
    steps: Steps
    before: str
    after: str


def identity(manifest: Manifest) -> tuple[str, str, str]:
    """Kind, namespace and name: what tells an object from all others of a cluster."""
    meta = manifest["metadata"]
    return manifest["kind"], meta.get("namespace", ""), meta["name"]


def differences(before: Manifest, after: Manifest) -> list[Difference]:
    """Every value in which two states of one object differ; named list items are matched by name."""
    kind = after["kind"]
    return [Difference(kind, steps, _text(old), _text(new)) for steps, old, new in _walk(before, after, ())]


_NONE = object()


def _walk(before: Any, after: Any, steps: Steps) -> Iterator[tuple[Steps, Any, Any]]:
    if before == after and type(before) is type(after):
        return
    if isinstance(before, list) and isinstance(after, list):
        first, second = _by_name(before), _by_name(after)
        if first is not None and second is not None:
            before, after = first, second
    if isinstance(before, dict) and isinstance(after, dict):
        for key in [*before, *(key for key in after if key not in before)]:
            yield from _walk(before.get(key, _NONE), after.get(key, _NONE), (*steps, key))
    else:
        yield steps, before, after


def _by_name(items: list[Any]) -> dict[str, Any] | None:
    if not all(isinstance(item, dict) and isinstance(item.get("name"), str) for item in items):
        return None
    named = {item["name"]: {key: value for key, value in item.items() if key != "name"} for item in items}
    return named if len(named) == len(items) else None


def _text(value: Any) -> str:
    if value is _NONE:
        return ABSENT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return _one_line(value)
    return str(value)


def _one_line(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_one_line(one)}" for key, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_one_line(one) for one in value) + "]"
    return _text(value)


def restart_reasons(found: list[Difference], files: list[str]) -> list[str]:
    """Why the pods restart: what differs in the Deployment's template, in words. Empty when nothing there does."""
    reasons: list[str] = []
    for one in found:
        if one.kind != "Deployment" or one.steps[:2] != ("spec", "template"):
            continue
        reasons += _template_words(one, files)
    return list(dict.fromkeys(reasons))


def _template_words(one: Difference, files: list[str]) -> Iterator[str]:
    rest = one.steps[2:]
    if rest[:2] == ("metadata", "annotations"):
        name = rest[2] if len(rest) > 2 else "annotations"
        if name == _CHECKSUM:
            yield f"{_and(files)} change{'s' * (len(files) == 1)}" if files else "the configuration changes"
        elif name == "roster/restarts":
            yield "a restart is asked for"
        else:
            yield f"annotation {name}: {change(one)}"
    elif rest[:2] == ("metadata", "labels"):
        yield f"label {rest[-1]}: {change(one)}"
    elif rest[:3] == ("spec", "containers", "agent"):
        yield _container_words(one, rest[3:])
    else:
        yield f"{'.'.join(rest[1:]) or 'the pod'}: {change(one)}"


def _and(words: list[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _container_words(one: Difference, rest: Steps) -> str:
    if rest == ("image",):
        return f"image {change(one)}"
    if rest[:1] == ("env",) and len(rest) > 1:
        what = "secret variable" if "valueFrom" in one.before + one.after + ".".join(rest) else "variable"
        return f"{what} {rest[1]}: {change(one, secret=what != 'variable')}"
    return f"{'.'.join(rest) or 'the container'}: {change(one)}"


def change(one: Difference, *, secret: bool = False) -> str:
    """`before → after`, or that it is new or gone; long values are only said to change."""
    if one.before == ABSENT:
        return "new" if secret or len(one.after) > _SHORT else f"new, {shown(_value(one.after))}"
    if one.after == ABSENT:
        return "gone"
    if max(len(one.before), len(one.after)) > _SHORT or "\n" in one.before + one.after:
        return _long_change(one)
    return f"{shown(one.before)} → {shown(one.after)}"


def shown(text: str) -> str:
    """A value of a definition on one line, as code where a report would else become something else by it."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if line == text and not _MARKUP.search(text):
        return text
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", line)), default=0))
    return f"{fence}{line}{fence}" if len(fence) == 1 else f"{fence} {line} {fence}"


def _value(text: str) -> str:
    return text.removeprefix("{value: ").removesuffix("}") if text.startswith("{value: ") else text


def _long_change(one: Difference) -> str:
    """Where two long one-line values differ: digests share their beginning, and only the end matters."""
    if "\n" in one.before + one.after:
        return "changes"
    start = next((i for i, (a, b) in enumerate(zip(one.before, one.after, strict=False)) if a != b), 0)
    cut = max(0, start - 20)
    return f"…{shown(one.before[cut : cut + 48].strip())} → …{shown(one.after[cut : cut + 48].strip())}"


def unified(before: list[Manifest], after: list[Manifest], title: str) -> str:
    """A unified diff over all objects, in the order in which they stand; empty when nothing differs."""
    olds = {identity(one): one for one in before}
    news = {identity(one): one for one in after}
    parts: list[str] = []
    for key in [*news, *(key for key in olds if key not in news)]:
        old, new = olds.get(key), news.get(key)
        if old == new:
            continue
        name = f"{title}/{key[0]}/{key[2]}"
        parts += difflib.unified_diff(
            dump(old).splitlines(keepends=True) if old else [],
            dump(new).splitlines(keepends=True) if new else [],
            f"a/{name}" if old else "/dev/null",
            f"b/{name}" if new else "/dev/null",
        )
    return "".join(parts)


def text_diff(before: str, after: str, name: str) -> str:
    """A diff of a prompt or another text, for reading."""
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, n=2, lineterm="")
    return "\n".join(list(lines)[2:]) + "\n"
