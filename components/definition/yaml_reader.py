"""Strict YAML: what every parser reads the same way, with the place of every value.

Definitions are read by people, by editors (YAML 1.2), by kubectl and PyYAML (YAML 1.1). What those read differently
(`no`, `012`, `12:30`, `1_000`, dates) is refused with the advice to quote it, so that no one is surprised.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.cyaml import CParser  # type: ignore[attr-defined]

from components.definition.findings import Finding, show

KeyPath = tuple[str | int, ...]
Place = tuple[int, int]

MAX_BYTES = 1 << 20
MAX_DEPTH = 64
_SUSPICIOUS_OPENINGS = 1_000

# No tag that is written in a file can be one of these: libyaml ends a tag at NUL.
_STR, _INT, _FLOAT, _BOOL, _NULL = "\0str", "\0int", "\0float", "\0bool", "\0null"
_AMBIGUOUS = "\0ambiguous"
_MAP, _SEQ = "\0map", "\0seq"

_WORDS = {
    "": _NULL,
    "~": _NULL,
    "null": _NULL,
    "true": _BOOL,
    "false": _BOOL,
    **dict.fromkeys(("yes", "no", "on", "off", "y", "n"), _AMBIGUOUS),
}
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)\Z")
_DECIMAL = re.compile(r"[-+]?[0-9]+\.[0-9]+\Z")
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:0[xob]?[0-9a-fA-F_]+|[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][-+]?[0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+]?[0-9]+)?"
    r"|[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?|\.(?:inf|Inf|INF|nan|NaN|NAN))\Z"
)
_DATE_LIKE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?\Z")


class _Loader(CParser, yaml.constructor.SafeConstructor, yaml.resolver.Resolver):
    """libyaml's parser with our own reading of plain scalars."""

    def __init__(self, text: str) -> None:
        CParser.__init__(self, text)
        yaml.constructor.SafeConstructor.__init__(self)
        yaml.resolver.Resolver.__init__(self)

    def descend_resolver(self, current_node: Any, current_index: Any) -> None:  # called for each node; we need no paths
        return

    def ascend_resolver(self) -> None:
        return

    def resolve(self, kind: type, value: str, implicit: Any) -> str:
        if kind is not yaml.ScalarNode:
            return _MAP if kind is yaml.MappingNode else _SEQ
        return _classify(value) if implicit[0] else _STR


def _classify(value: str) -> str:
    """The type of a plain scalar, or `ambiguous` when YAML 1.1 and 1.2 differ about it."""
    first = value[:1]
    if first.isalpha() or not first:
        return _WORDS.get(value.lower(), _STR) if len(value) <= 5 else _STR
    if _INTEGER.match(value):
        return _INT
    if _DECIMAL.match(value):
        return _FLOAT
    if value == "~":
        return _NULL
    if value == "=" or _NUMBER_LIKE.match(value) or _DATE_LIKE.match(value):
        return _AMBIGUOUS
    return _STR


@dataclass(slots=True)
class Document:
    """A YAML file that was read: its value (plain dicts, lists, strings, numbers) and what is wrong with it."""

    file: str
    value: Any
    findings: list[Finding]
    text: str = ""
    _places: dict[KeyPath, tuple[Place, Place]] | None = field(default=None, repr=False)

    def place(self, path: KeyPath, *, key: bool = False) -> Place:
        """Line and column (from 1) of the value at `path` (of its key with `key`), or of its nearest parent."""
        if self._places is None:
            self._places = _all_places(self.text)
        while path:
            if path in self._places:
                return self._places[path][0 if key else 1]
            path, key = path[:-1], False
        return self._places.get((), ((1, 1), (1, 1)))[1]

    def has(self, path: KeyPath) -> bool:
        """Whether something stands at `path`."""
        value = self.value
        for part in path:
            if not (
                part in value if isinstance(value, dict) else isinstance(value, list) and part in range(len(value))
            ):
                return False
            value = value[part]
        return True

    def finding(self, path: KeyPath, rule: str, message: str, *, key: bool = False) -> Finding:
        """A finding at the place of `path`."""
        line, column = self.place(path, key=key)
        return Finding(self.file, line, column, rule, message)


def read_yaml(data: bytes, file: str) -> Document:
    """Reads one YAML document; never raises for bad input: what is wrong is in `findings`, `value` is then partial.

    Refused: more than 1 MiB, not UTF-8, more than one document, duplicate keys, keys that are not text, tags, aliases,
    nesting deeper than 64, and plain values that YAML versions read differently.
    """
    document = Document(file, None, [])
    if len(data) > MAX_BYTES:
        document.findings.append(
            Finding(file, 1, 1, "too-large", f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are allowed")
        )
        return document
    text = _decode(data, document)
    if text is None:
        return document
    document.text = text
    try:
        node = _compose(text)
    except yaml.MarkedYAMLError as error:
        document.findings.append(_syntax_finding(file, text, error))
        return document
    except yaml.reader.ReaderError as error:
        line, column = _line_and_column(text, error.position)
        problem = f"the character U+{int(error.character):04X} is not allowed in YAML"
        document.findings.append(Finding(file, line, column, "not-yaml", problem))
        return document
    except RecursionError:
        document.findings.append(Finding(file, 1, 1, "too-deep", f"nested deeper than {MAX_DEPTH} levels"))
        return document
    if node is None:
        document.findings.append(
            Finding(file, 1, 1, "empty-file", "the file is empty; write what belongs there, or delete it")
        )
        return document
    document.value = _build(node, document, set(), 0)
    if document.value is None and not document.findings:
        _report(document, node, "empty-file", "the file holds nothing but null")
    return document


def _compose(text: str) -> Any:
    if _too_deep(text):
        raise RecursionError
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _too_deep(text: str) -> bool:
    """Whether values nest so deep that composing them, which recurses in C, could exhaust the stack."""
    if text.count("[") + text.count("{") + text.count("- -") + text.count("? ") < _SUSPICIOUS_OPENINGS:
        return False
    loader, depth = _Loader(text), 0
    try:
        while loader.check_event():
            event = loader.get_event()
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
                if depth > _SUSPICIOUS_OPENINGS:
                    return True
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
    finally:
        loader.dispose()
    return False


def _decode(data: bytes, document: Document) -> str | None:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        document.findings.append(Finding(document.file, line, column, "not-utf-8", message))
        return None


def _syntax_finding(file: str, text: str, error: yaml.MarkedYAMLError) -> Finding:
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = error.problem or error.context or "this is not YAML"
    lines = text.split("\n")
    here = lines[line - 1] if line <= len(lines) else ""
    if "\t" in here[: len(here) - len(here.lstrip())] or (here[column - 1 : column] == "\t"):
        return Finding(file, line, column, "tab", "a tab cannot indent YAML; use spaces")
    if "expected a single document" in (error.context or ""):
        return Finding(file, line, column, "many-documents", "a second document starts here; a file holds just one")
    return Finding(file, line, column, "not-yaml", f"not valid YAML: {problem}")


def _build(node: Any, document: Document, seen: set[int], depth: int) -> Any:
    tag = node.tag
    if tag == _STR:
        if "\0" in node.value:
            _report(
                document,
                node,
                "not-text",
                "a NUL character (\\0) stands in this text; neither files nor variables hold it",
            )
        return node.value
    if tag in (_MAP, _SEQ):
        if id(node) in seen:
            _report(document, node, "alias", "aliases (`*name`) are not allowed; write the value out")
            return None
        seen.add(id(node))
        if depth >= MAX_DEPTH:
            _report(document, node, "too-deep", f"nested deeper than {MAX_DEPTH} levels")
            return None
        if tag == _SEQ:
            return [_build(child, document, seen, depth + 1) for child in node.value]
        return _build_mapping(node, document, seen, depth)
    return _build_scalar(node, document)


def _build_mapping(node: Any, document: Document, seen: set[int], depth: int) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        if key_node.tag != _STR:
            hint = f"; quote it: '{key}'" if isinstance(key, str) else ""
            _report(document, key_node, "key-not-text", f"a key must be text{hint}")
            continue
        if key in result:
            _report(document, key_node, "duplicate-key", f"the key {show(key)} stands here a second time")
            continue
        result[key] = _build(value_node, document, seen, depth + 1)
    return result


def _build_scalar(node: Any, document: Document) -> Any:
    value, tag = node.value, node.tag
    if tag == _INT:
        if len(value) > 18:
            _report(document, node, "too-large", f"the number {show(value)} is too large")
            return None
        return int(value)
    if tag == _FLOAT:
        number = float(value)
        if not math.isfinite(number):
            _report(document, node, "too-large", f"the number {show(value)} is too large")
            return None
        return number
    if tag == _BOOL:
        return value.lower() == "true"
    if tag == _NULL:
        return None
    if tag == _AMBIGUOUS:
        # Not the whole: a key of digits and letters may look like a number.
        shown = value if len(value) <= 16 else f"{value[:6]}…"
        message = f'{shown} means different things to different YAML parsers; write "{shown}" for text'
        message += ", true or false for a switch" if value[:1].isalpha() else ", or a plain decimal number"
        _report(document, node, "ambiguous-value", message)
        return value
    _report(document, node, "tag", f"tags ({show(tag)}) are not allowed")
    return None


def _report(document: Document, node: Any, rule: str, message: str) -> None:
    mark = node.start_mark
    document.findings.append(Finding(document.file, mark.line + 1, mark.column + 1, rule, message))


def _line_and_column(text: str, position: int) -> Place:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _all_places(text: str) -> dict[KeyPath, tuple[Place, Place]]:
    """For each path, the place of its key and of its value."""
    places: dict[KeyPath, tuple[Place, Place]] = {}

    seen: set[int] = set()

    def walk(node: Any, path: KeyPath, key: Place) -> None:
        mark = node.start_mark
        places.setdefault(path, (key, (mark.line + 1, mark.column + 1)))
        if id(node) in seen:  # an alias, whose content stands elsewhere; many of them would be exponential
            return
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key_node, child in node.value:
                at = key_node.start_mark
                if isinstance(key_node.value, str):
                    walk(child, (*path, key_node.value), (at.line + 1, at.column + 1))
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                at = child.start_mark
                walk(child, (*path, index), (at.line + 1, at.column + 1))

    try:
        node = _compose(text)
        if node is not None:
            walk(node, (), (1, 1))
    except (yaml.YAMLError, RecursionError):
        places.setdefault((), ((1, 1), (1, 1)))
    return places
