"""Where the keys and values of a definition's text stand, and what it says: the reading half of an edit.

Positions are character offsets into the text. A value ends with its last character, not where the parser stops looking,
so that comments and blank lines after a block belong to what follows.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode, SequenceNode

from ci.yaml_values import EditError, Value, is_plain, read_plain

_STR = "tag:yaml.org,2002:str"
_MAP = "tag:yaml.org,2002:map"
_NULL = "tag:yaml.org,2002:null"
_MERGE = "tag:yaml.org,2002:merge"
_STANDARD = {f"tag:yaml.org,2002:{name}" for name in ("str", "null", "bool", "int", "float", "timestamp")}

_BREAK = re.compile(r"\r\n|\n|\r")
_COLON = re.compile(r"\s*:")
_BEFORE_DASH = re.compile(r"(?:\s|(?<=\s)#[^\r\n]*+)*+-")
_LITERAL_KEEPS = re.compile(r"[|>][0-9]?\+")

Shape = tuple[Any, ...]


def compose(text: str) -> MappingNode:
    """The mapping that a definition's text holds; EditError for anything else, and for duplicate keys."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a reused anchor name is legal
            root = YAML(typ="safe", pure=True).compose(text)
    except (YAMLError, RecursionError, ValueError) as error:
        raise EditError(_syntax_problem(error)) from None
    if root is None:
        raise EditError("the file is empty: expected a mapping, for example 'version: 1'")
    if not isinstance(root, MappingNode):
        raise EditError("the file holds no mapping: expected keys with values, for example 'version: 1'")
    return root


def _syntax_problem(error: Exception) -> str:
    if "expected a single document" in str(error):
        return "the file holds several documents (a line '---' between them): expected one, so split it into files"
    if isinstance(error, RecursionError):
        return "the file is nested too deeply: expected a few levels"
    mark = getattr(error, "problem_mark", None)
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return f"the file is not valid YAML{where}: {problem}; mend it, then edit again"


@dataclass(frozen=True)
class Place:
    """What of a path exists: the mapping and pair index of each key found, and the keys that are missing."""

    steps: tuple[tuple[MappingNode, int], ...]
    missing: tuple[str, ...]

    @property
    def value(self) -> Node | None:
        """The value of the last key found; None when not even the first was."""
        if not self.steps:
            return None
        mapping, index = self.steps[-1]
        return mapping.value[index][1]  # type: ignore[no-any-return]


def locate(root: MappingNode, path: tuple[str, ...]) -> Place:
    """Follows `path` as far as it exists; EditError when it leads through a scalar, a list or a merged mapping."""
    if not path or not all(isinstance(part, str) for part in path):
        raise EditError(f"{path!r} names no field: expected keys, for example model.name")
    steps: list[tuple[MappingNode, int]] = []
    node: Node = root
    for depth, part in enumerate(path):
        if is_null(node):
            return Place(tuple(steps), path[depth:])
        if not isinstance(node, MappingNode):
            kind = "a list" if isinstance(node, SequenceNode) else "a single value"
            raise EditError(
                f"{show(path[:depth])} is {kind}, so it has no field {part!r}: set {show(path[:depth])} itself"
            )
        if any(key.tag == _MERGE for key, _ in node.value):
            raise EditError(f"{show(path[:depth]) or 'the file'} merges an alias (<<): write its keys out to edit it")
        index = find([(key.tag, key.value) for key, _ in node.value], part)
        if index is None:
            return Place(tuple(steps), path[depth:])
        steps.append((node, index))
        node = node.value[index][1]
    return Place(tuple(steps), ())


def find(keys: list[tuple[str, Any]], name: str) -> int | None:
    """The index of the key that is `name`: as a string, else as any other word (8080, true) that is spelled so."""
    spelled = [index for index, (_, value) in enumerate(keys) if value == name]
    return next((index for index in spelled if keys[index][0] == _STR), spelled[0] if spelled else None)


def show(path: tuple[str, ...]) -> str:
    """A path as it is typed: `labels."example.com/team"`."""
    return ".".join(part if re.fullmatch(r"""[^\s."'=]+""", part) else f'"{part}"' for part in path)


def is_null(node: Node) -> bool:
    """Whether a value is null, written or left out."""
    return isinstance(node, ScalarNode) and node.tag == _NULL


def is_absent(node: Node) -> bool:
    """Whether nothing at all is written for a value."""
    return isinstance(node, ScalarNode) and node.start_mark.index == node.end_mark.index


def is_block(node: Node) -> bool:
    """Whether a value is laid out by indentation: a block collection or a literal or folded text."""
    if isinstance(node, ScalarNode):
        return node.style in ("|", ">")
    return isinstance(node, CollectionNode) and not node.flow_style


def children(node: Node) -> Iterator[Node]:
    """The nodes directly in `node`, keys included, in the order of the text."""
    for item in () if isinstance(node, ScalarNode) else node.value:
        yield from item if isinstance(item, tuple) else (item,)


def has_anchor(node: Node, *, deep: bool) -> bool:
    """Whether a node (with `deep`, or one in it) is an anchor or an alias."""
    todo = [node]
    while todo:
        node = todo.pop()
        if node.anchor is not None:
            return True
        todo.extend(children(node) if deep else ())
    return False


def value_of(node: Node) -> Value:
    """What a node says, as plain data; EditError for a tag of its own."""
    if isinstance(node, MappingNode):
        return {_key_text(key): value_of(value) for key, value in node.value}
    if isinstance(node, SequenceNode):
        return [value_of(item) for item in node.value]
    if not isinstance(node, ScalarNode) or node.tag not in _STANDARD or (node.style is not None and node.tag != _STR):
        raise EditError(f"the value has the tag {node.tag!s}, which definitions do not use: remove it")
    text: str = node.value
    return text if node.style is not None else read_plain(text)


def _key_text(key: Node) -> str:
    if not isinstance(key, ScalarNode):
        raise EditError("a list or mapping cannot be a key: expected text, for example 'name: x'")
    return str(key.value)


def is_clear(node: Node) -> bool:
    """Whether no parser reads a string in `node` as something else (a bare `no`)."""
    if isinstance(node, ScalarNode):
        return node.style is not None or not isinstance(value_of(node), str) or is_plain(node.value, flow=False)
    return all(map(is_clear, children(node)))


def colon(text: str, key: Node) -> int | None:
    """The position after the colon of `key`; None when it has none."""
    found = _COLON.match(text, key.end_mark.index)
    return found.end() if found else None


def pair_end(text: str, key: Node, value: Node) -> int:
    """The position after the last character of `key: value`, without trailing blanks, comments and line ends."""
    if is_absent(value):
        return colon(text, key) or int(key.end_mark.index)
    return _end(text, value)


def _end(text: str, node: Node) -> int:
    stop: int = node.end_mark.index
    if isinstance(node, ScalarNode):
        if not is_block(node):
            return stop
        if _LITERAL_KEEPS.match(text, node.start_mark.index):
            return line_end(text, stop - 1) if text[stop - 1 : stop] in ("\n", "\r") else stop
        return len(text[:stop].rstrip(" \t\r\n"))
    if not is_block(node) or not node.value:
        return stop
    if isinstance(node, MappingNode):
        return pair_end(text, *node.value[-1])
    if not is_absent(node.value[-1]):
        return _end(text, node.value[-1])
    end = int(node.start_mark.index)
    for item in node.value:
        dash = _BEFORE_DASH.match(text, end)
        end = dash.end() if is_absent(item) and dash else _end(text, item)
    return end


def line_start(text: str, position: int) -> int:
    """The start of the line that `position` is on."""
    return max(text.rfind("\n", 0, position), text.rfind("\r", 0, position)) + 1


def line_end(text: str, position: int) -> int:
    """The position of the line break (or the end of the text) at or after `position`."""
    if text[position : position + 1] == "\n" and text[position - 1 : position] == "\r":
        return position - 1
    found = _BREAK.search(text, position)
    return found.start() if found else len(text)


def next_line(text: str, position: int) -> int:
    """The start of the line after the one that `position` is on (or the end of the text)."""
    found = _BREAK.match(text, line_end(text, position))
    return found.end() if found else len(text)


def line_break(text: str) -> str:
    """The line end that the text uses."""
    found = _BREAK.search(text)
    return found[0] if found else "\n"


def shape(node: Node, seen: dict[int, int] | None = None) -> Shape:
    """What a document says, with its order and tags, for comparison; linear in its text whatever the aliases."""
    seen = {} if seen is None else seen
    if id(node) in seen:
        return ("alias", seen[id(node)])
    if node.anchor is not None:
        seen[id(node)] = len(seen)
    if isinstance(node, ScalarNode):
        return ("scalar", node.tag, node.value)
    if isinstance(node, SequenceNode):
        return ("list", node.tag, [shape(item, seen) for item in node.value])
    keys = [(key.tag, key.value) for key, _ in node.value if isinstance(key, ScalarNode)]
    if len(set(keys)) < len(keys):
        twice = next(value for index, (_, value) in enumerate(keys) if keys[index] in keys[:index])
        raise EditError(f"the key {twice!r} is written twice in one mapping: expected once, so remove one of them")
    return ("mapping", node.tag, [(shape(key, seen), shape(value, seen)) for key, value in node.value])


def with_value(old: Shape, path: tuple[str, ...], marker: Shape) -> Shape:
    """The shape with `marker` as the value at `path`, which is made where it is missing."""
    if not path:
        return marker
    pairs = list(old[2]) if old[0] == "mapping" else []
    index = find([key[1:] for key, _ in pairs], path[0])
    child = with_value(("mapping", _MAP, []) if index is None else pairs[index][1], path[1:], marker)
    if index is None:
        pairs.append((("scalar", _STR, path[0]), child))
    else:
        pairs[index] = (pairs[index][0], child)
    return ("mapping", old[1] if old[0] == "mapping" else _MAP, pairs)


def without(old: Shape, path: tuple[str, ...]) -> Shape | None:
    """The shape without the value at `path` and the parents that are empty then; None when nothing is left."""
    pairs = list(old[2])
    index = find([key[1:] for key, _ in pairs], path[0])
    if index is None:
        return old
    child = without(pairs[index][1], path[1:]) if path[1:] else None
    pairs[index : index + 1] = [(pairs[index][0], child)] if child else []
    return (*old[:2], pairs) if pairs else None
