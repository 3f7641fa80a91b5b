"""The splices that make one edit of a definition's text, each leaving every byte outside of it as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from ci import yaml_values
from ci.yaml_places import (
    children,
    colon,
    is_absent,
    is_block,
    line_break,
    line_end,
    line_start,
    next_line,
    pair_end,
)
from ci.yaml_values import BlockStyle, EditError, Value

_COMMENT = re.compile(r"[ \t]+#[^\r\n]*")
_COMMENT_LINE = re.compile(r"([ \t]*)#")
_MODELINE = re.compile(r"[ \t]*#[ \t]*yaml-language-server:")
_OWN_COMMA = re.compile(r"(?:\s|(?<=\s)#[^\r\n]*+)*+,")
_REST_OF_FLOW_LINE = re.compile(r",?[ \t]*(?:(?<=[ \t,])#[^\r\n]*)?(?=[\r\n]|\Z)")


class Splice(NamedTuple):
    """`text[start:end]` gives way to `new`."""

    start: int
    end: int
    new: str


def apply(text: str, splices: list[Splice]) -> str:
    """The text after all splices, which do not overlap."""
    for start, end, new in sorted(splices, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def replace(text: str, root: MappingNode, mapping: MappingNode, index: int, value: Value) -> list[Splice]:
    """Writes `value` in the place of the value of pair `index`; a comment on the value's line stays."""
    key, old = mapping.value[index]
    after_colon = colon(text, key)
    keep_flow = not isinstance(old, ScalarNode) and not is_block(old)
    if mapping.flow_style:
        new = yaml_values.flow(value)
        if not is_absent(old):
            return [Splice(old.start_mark.index, old.end_mark.index, new)]
        at = after_colon or key.end_mark.index
        return [Splice(at, at, f" {new}" if after_colon else f": {new}")]
    if after_colon is None or "?" in text[line_start(text, key.start_mark.index) : key.start_mark.index]:
        raise EditError(f"the key {key.value!r} is written with '?': expected '{key.value}: value' on one line")

    column = key.start_mark.column
    end = pair_end(text, key, old)
    if is_block(old) and not isinstance(old, ScalarNode):
        end = _with_deeper_comments(text, end, column)
    head, lines = (yaml_values.flow(value), []) if keep_flow else _block(text, root, mapping, end, column, value)
    inline = not is_absent(old) and not is_block(old)
    if inline and not lines:
        return [Splice(old.start_mark.index, old.end_mark.index, head)]
    key_line = text[after_colon : line_end(text, after_colon)]
    on_key_line = old.start_mark.index <= after_colon + len(key_line)
    comment = None if inline and on_key_line else _COMMENT.search(key_line)
    beside = text[end : line_end(text, end)].rstrip() if inline else ""
    if comment and beside:
        lines = [" " * column + "  " + beside.lstrip(), *lines]
        beside = ""
    first = (f" {head}" if head else "") + (comment[0] if comment else "") + beside
    return [Splice(after_colon, line_end(text, end), line_break(text).join([first, *lines]))]


def insert(text: str, root: MappingNode, mapping: MappingNode, name: str, value: Value) -> list[Splice]:
    """Writes `name: value` as the last pair of `mapping`."""
    if mapping.flow_style:
        return _insert_flow(text, mapping, f"{yaml_values.key(name, flow=True)}: {yaml_values.flow(value)}")
    column = min(key.start_mark.column for key, _ in mapping.value)  # a key written with '?' stands deeper
    end = _with_deeper_comments(text, pair_end(text, *mapping.value[-1]), column)
    head, lines = _block(text, root, mapping, end, column, value)
    first = " " * column + yaml_values.key(name) + ":" + (f" {head}" if head else "")
    return [Splice(end, end, line_break(text).join(["", first, *lines])), *_keep_last_text(text, mapping, end)]


def remove(text: str, mapping: MappingNode, index: int) -> list[Splice]:
    """Takes pair `index` away, with the comments on its line, directly above it, and deeper ones directly below it."""
    key, value = mapping.value[index]
    if mapping.flow_style:
        return _remove_flow(text, mapping, index)
    floor = next_line(text, pair_end(text, *mapping.value[index - 1])) if index else 0
    start = _with_comments_above(text, key, floor)
    last = _with_deeper_comments(text, pair_end(text, key, value), key.start_mark.column)
    end = next_line(text, last)
    if last == len(text) and index and not _ends_in_block_text(mapping.value[index - 1][1]):
        return [Splice(line_end(text, start - 1), end, "")]
    return [Splice(start, end, "")]


def _block(
    text: str, root: MappingNode, mapping: MappingNode, end: int, column: int, value: Value
) -> tuple[str, list[str]]:
    style = _style(root, mapping, literals=_allows_literal(text, line_end(text, end), column, value))
    return yaml_values.block(value, column, style)


def _allows_literal(text: str, end: int, column: int, value: Value) -> bool:
    """Whether what follows cannot be taken for a part of a literal block, nor its last line end be lost."""
    if end == len(text):
        return isinstance(value, str) and not value.endswith("\n")
    position = next_line(text, end)
    while position < len(text):
        line = text[position : line_end(text, position)]
        if line.strip():
            return len(line) - len(line.lstrip()) <= column
        if len(line) > column:
            return False
        position = next_line(text, position)
    return True


def _style(root: MappingNode, mapping: MappingNode, *, literals: bool) -> BlockStyle:
    """The layout of the file: its nearest step of indentation, and where its lists' dashes stand."""
    steps: dict[int, int] = {}
    dashes: list[int] = []
    todo: list[Node] = [root]
    seen: set[int] = set()
    while todo:
        node = todo.pop(0)
        if id(node) in seen or isinstance(node, ScalarNode) or not is_block(node):
            continue
        seen.add(id(node))
        todo.extend(children(node))
        for key, value in node.value if isinstance(node, MappingNode) else ():
            if isinstance(value, ScalarNode) or not is_block(value) or not value.value:
                continue
            if isinstance(value, MappingNode):
                steps[id(value)] = value.value[0][0].start_mark.column - key.start_mark.column
            elif value.start_mark.line > key.start_mark.line:
                dashes.append(value.start_mark.column - key.start_mark.column)
    own = [steps[id(child)] for child in [mapping, *(value for _, value in mapping.value)] if id(child) in steps]
    step = next(iter([*own, *steps.values()]), 2)
    return BlockStyle(step, dashes[0] if dashes else step, literals)


def _keep_last_text(text: str, mapping: MappingNode, end: int) -> list[Splice]:
    """A literal block that ends the file without a line end gets the mark that keeps its text so (`|` becomes `|-`)."""
    last = _last_scalar(mapping.value[-1][1])
    if end < len(text) or not last or not is_block(last) or last.value.endswith("\n"):
        return []
    header = last.start_mark.index + 1
    return [] if "-" in text[header : line_end(text, header)].partition("#")[0] else [Splice(header, header, "-")]


def _last_scalar(node: Node) -> ScalarNode | None:
    while not isinstance(node, ScalarNode):
        if not is_block(node) or not node.value:
            return None
        node = list(children(node))[-1]
    return node


def _ends_in_block_text(node: Node) -> bool:
    last = _last_scalar(node)
    return last is not None and is_block(last)


def _with_comments_above(text: str, key: Node, floor: int) -> int:
    """The start of the comment lines directly above `key`; deeper ones end the block before, a modeline stays."""
    start = line_start(text, key.start_mark.index)
    while start > floor:
        above = line_start(text, line_end(text, start - 1))
        comment = _COMMENT_LINE.match(text, above)
        if not comment or len(comment[1]) > key.start_mark.column or _MODELINE.match(text, above):
            break
        start = above
    return start


def _with_deeper_comments(text: str, position: int, column: int) -> int:
    """The end of the line, or of the comment lines directly below it that stand deeper and so belong to it."""
    end = line_end(text, position)
    while (comment := _COMMENT_LINE.match(text, next_line(text, end))) and len(comment[1]) > column:
        end = line_end(text, comment.end())
    return end


def _insert_flow(text: str, mapping: MappingNode, pair: str) -> list[Splice]:
    if not mapping.value:
        inside = text.index("{", mapping.start_mark.index) + 1
        return [Splice(inside, inside, pair)]
    key, value = mapping.value[-1]
    end, close = pair_end(text, key, value), mapping.end_mark.index - 1
    comma = _OWN_COMMA.match(text, end)
    line = line_end(text, comma.end() if comma else end)
    start = line_start(text, key.start_mark.index)
    indent = text[start : key.start_mark.index]
    if indent.strip() or close < line:
        return [Splice(end, end, f", {pair}")]
    new = Splice(line, line, line_break(text) + indent + pair + ("," if comma else ""))
    return [new] if comma else [Splice(end, end, ","), new] if end < line else [new._replace(new="," + new.new)]


def _remove_flow(text: str, mapping: MappingNode, index: int) -> list[Splice]:
    key, value = mapping.value[index]
    start, end = key.start_mark.index, pair_end(text, key, value)
    before = pair_end(text, *mapping.value[index - 1]) if index else None
    last = index == len(mapping.value) - 1
    own = _OWN_COMMA.match(text, end)
    dangling = list(_comma_after(text, before)) if last and not own and before is not None else []
    line = line_start(text, start)
    if not text[line:start].strip() and _REST_OF_FLOW_LINE.match(text, end):
        floor = next_line(text, mapping.start_mark.index if before is None else before)
        return [*dangling, Splice(_with_comments_above(text, key, floor), next_line(text, end), "")]
    if before is not None and line <= before:
        return [Splice(before, end, "")]
    if not last:
        following = mapping.value[index + 1][0].start_mark.index
        return [Splice(start, following if following < line_end(text, end) else own.end() if own else end, "")]
    return [*dangling, Splice(start, own.end() if own else end, "")]


def _comma_after(text: str, position: int) -> Iterator[Splice]:
    if comma := _OWN_COMMA.match(text, position):
        yield Splice(comma.end() - 1, comma.end(), "")
