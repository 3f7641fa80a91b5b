"""Strict JSON with the place of every value: what Python's parser lets pass and JSON does not allow is refused."""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from components.definition.findings import Finding, show
from components.definition.yaml_reader import MAX_DEPTH, Document, KeyPath, Place

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s"\[\]{}:,]+')
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Python refuses to read whole numbers of more than 4,300 digits; elizaOS reads more than 308 as infinity.
_MOST_DIGITS = 308


@dataclass(slots=True)
class JsonDocument(Document):
    """A JSON file that was read, as a Document."""

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Line and column (from 1) of the value at `path` (of its key with `key`), or of its nearest parent."""
        if self._places is None:
            lines = _Lines(self.text)
            self._places = {
                where: (lines.place(key_at), lines.place(at)) for where, key_at, at, _ in _values(self.text)
            }
        while path and path not in self._places:
            path, key = path[:-1], False
        return self._places.get(path, ((1, 1), (1, 1)))[0 if key else 1]


def read_json(text: str, file: str) -> JsonDocument:
    """Reads one JSON document; never raises for bad input: what is wrong is in `findings`.

    Refused besides broken JSON: duplicate keys, NaN and infinities, numbers too large for JavaScript, halves of
    surrogate pairs, nesting deeper than 64. `value` is None when nothing more can be said about the content.
    """
    document = JsonDocument(file, None, [], text)
    odd: list[str] = []
    try:
        value = json.loads(
            text,
            object_pairs_hook=lambda pairs: _mapping(pairs, odd),
            parse_constant=lambda word: _note(math.nan, word, odd),
            parse_int=lambda digits: int(digits) if len(digits) <= _MOST_DIGITS else _note(0, digits, odd),
            parse_float=lambda digits: _finite(digits, odd),
        )
    except json.JSONDecodeError as error:
        document.findings.append(_syntax_finding(text, file, error))
        return document
    except RecursionError:
        document.findings.append(_too_deep(file))
        return document
    if _deeper_than(value, MAX_DEPTH):
        document.findings.append(_too_deep(file))
        return document
    if odd:
        document.findings += _odd_findings(document)
    halves = _half_characters(document) if _SURROGATE.search(text) else []
    document.findings += halves
    # A message about such a text could not be printed.
    document.value = None if halves else value
    return document


def _mapping(pairs: list[tuple[str, Any]], odd: list[str]) -> dict[str, Any]:
    result = dict(pairs)
    return result if len(result) == len(pairs) else _note(result, "duplicate", odd)


def _finite(digits: str, odd: list[str]) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _note(number, digits, odd)


def _note(value: Any, word: str, odd: list[str]) -> Any:
    odd.append(word)
    return value


def _too_deep(file: str) -> Finding:
    return Finding(file, 1, 1, "too-deep", f"nested deeper than {MAX_DEPTH} levels")


def _syntax_finding(text: str, file: str, error: json.JSONDecodeError) -> Finding:
    at, problem = error.pos, error.msg
    before = text[:at].rstrip()
    if not text.strip():
        return Finding(file, 1, 1, "empty-file", "the file is empty")
    if text[at : at + 1] in ("}", "]") and before.endswith(","):
        # Python says this since 3.13; before, it points at the bracket, often a line too late.
        at, problem = len(before) - 1, "nothing follows this comma; remove it"
    elif problem.startswith("Illegal trailing comma"):
        problem = "nothing follows this comma; remove it"
    elif text[at : at + 2] in ("//", "/*"):
        problem = "JSON has no comments"
    line, column = _Lines(text).place(at)
    return Finding(file, line, column, "not-json", f"not valid JSON: {problem}")


def _odd_findings(document: JsonDocument) -> Iterator[Finding]:
    lines = _Lines(document.text)
    seen: set[KeyPath] = set()
    twice: set[KeyPath] = set()
    for path, key_at, at, token in _values(document.text):
        inside_second = any(path[:length] in twice for length in range(1, len(path)))
        if path in seen and not inside_second:
            twice.add(path)
            line, column = lines.place(key_at)
            message = f"the key {show(path[-1])} stands here a second time"
            yield Finding(document.file, line, column, "duplicate-key", message)
        seen.add(path)
        line, column = lines.place(at)
        if token in ("NaN", "Infinity", "-Infinity"):
            message = f"not valid JSON: {token} is no number of JSON"
            yield Finding(document.file, line, column, "not-json", message)
        elif token[0] in "-0123456789" and not _representable(token):
            yield Finding(document.file, line, column, "too-large", f"the number {show(token)} is too large")


def _representable(digits: str) -> bool:
    try:
        return math.isfinite(float(digits))
    except ValueError:
        return False


def _half_characters(document: JsonDocument) -> list[Finding]:
    findings = []
    lines = _Lines(document.text)
    for match in _TOKEN.finditer(document.text):
        token = match[0]
        if token[0] != '"' or not _SURROGATE.search(token):
            continue
        try:
            json.loads(token).encode()
        except UnicodeEncodeError:
            line, column = lines.place(match.start())
            message = "half of a surrogate pair (\\ud800 to \\udfff) is no character; write the character itself"
            findings.append(Finding(document.file, line, column, "not-text", message))
    return findings


def _deeper_than(value: Any, most: int) -> bool:
    level = [value]
    for _ in range(most + 1):
        level = [
            child
            for one in level
            if isinstance(one, (dict, list))
            for child in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return False
    return any(isinstance(one, (dict, list)) for one in level)


@dataclass(slots=True)
class _Open:
    """A mapping or list that the scan is in; `step` is the key or index that comes next, None before a key."""

    step: str | int | None
    key_at: int = 0


def _values(text: str) -> Iterator[tuple[KeyPath, int, int, str]]:
    """Of valid JSON each value's path, the offsets of its key (its own without one) and of itself, its first token."""
    inside: list[_Open] = []
    for match in _TOKEN.finditer(text):
        word, at = match[0], match.start()
        innermost = inside[-1] if inside else _Open(0)
        if word in "]}":
            inside.pop()
        elif word == ",":
            innermost.step = innermost.step + 1 if isinstance(innermost.step, int) else None
        elif innermost.step is None:
            innermost.step, innermost.key_at = json.loads(word), at
        elif word != ":":
            path = tuple(one.step for one in inside if one.step is not None)
            yield path, innermost.key_at if isinstance(innermost.step, str) else at, at, word
            if word in "[{":
                inside.append(_Open(0 if word == "[" else None))


class _Lines:
    """Where the lines of a text begin."""

    def __init__(self, text: str) -> None:
        self._starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(self, at: int) -> Place:
        """Line and column, from 1, of an offset."""
        line = bisect_right(self._starts, at)
        return line, at - self._starts[line - 1] + 1
