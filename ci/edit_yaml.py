"""Edits of one field in a definition's text that leave every other byte as it was; what the `roster set` family uses.

The text is spliced at the positions which ruamel.yaml's parser gives, then parsed again: the result must say exactly
what the text said before, with the one change, or the edit is refused. Nothing here reads or writes a file.
"""

from __future__ import annotations

import difflib
import re
from enum import Enum
from typing import Final

from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node

from ci import yaml_splices
from ci.yaml_places import (
    Place,
    compose,
    has_anchor,
    is_clear,
    is_null,
    locate,
    shape,
    show,
    value_of,
    with_value,
    without,
)
from ci.yaml_values import EditError, Value, read_plain, same

__all__ = ["MISSING", "EditError", "Missing", "Value", "delete_value", "get_value", "parse_assignment", "set_value"]

_CHANGED = ("changed",)
_KEY_PART = re.compile(r'"(?:[^"\\]|\\["\\])*"|\'[^\']*\'|[^\s."\'=]+')
_EXAMPLE = "for example model.name=claude-x"


class Missing(Enum):
    """The type of `MISSING`, which `get_value` returns for a field that the text does not have."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


def get_value(text: str, path: tuple[str, ...]) -> Value | Missing:
    """The value at `path`, or MISSING. A bare word that YAML 1.1 and 1.2 read differently is given as its text.

    Raises EditError when the text is no single mapping, or the path leads through a scalar or a list.
    """
    root = compose(text)
    shape(root)
    place = locate(root, path)
    if place.missing or place.value is None:
        return MISSING
    _refuse_anchor(place.value, path)
    return value_of(place.value)


def set_value(text: str, path: tuple[str, ...], value: Value) -> str:
    """The text with `value` at `path`; a missing key goes to the end of its mapping, missing parents are made.

    A value that is there already leaves the text as it is. Raises EditError when the text is no single mapping, the
    path leads through a scalar or a list, an anchor or alias is touched, or the value cannot be written.
    """
    root = compose(text)
    before = shape(root)
    place = locate(root, path)
    _refuse_anchors(place, path)
    old = place.value
    if not place.missing and old is not None and is_clear(old) and same(value_of(old), value):
        return text
    new = value
    if place.missing and old is not None and is_null(old):
        for name in reversed(place.missing):
            new = {name: new}
        splices = yaml_splices.replace(text, root, *place.steps[-1], new)
    elif place.missing:
        for name in reversed(place.missing[1:]):
            new = {name: new}
        parent = old if isinstance(old, MappingNode) else root
        splices = yaml_splices.insert(text, root, parent, place.missing[0], new)
    else:
        splices = yaml_splices.replace(text, root, *place.steps[-1], new)
    edited = yaml_splices.apply(text, splices)
    after = _compose_again(edited, path)
    written = locate(after, path)
    if written.missing or written.value is None or not same(value_of(written.value), value):
        raise _refused(path)
    if with_value(shape(after), path, _CHANGED) != with_value(before, path, _CHANGED):
        raise _refused(path)
    return edited


def delete_value(text: str, path: tuple[str, ...]) -> str:
    """The text without the key at `path`, its value, and parents left empty.

    The comments on its line, directly above it, and directly below it but deeper are its own and go too. Raises
    EditError as `set_value`, when there is no such key, and when nothing would be left.
    """
    root = compose(text)
    before = shape(root)
    place = locate(root, path)
    if place.missing:
        raise EditError(f"there is no {show(path)} to delete{_nearest(place, root)}")
    _refuse_anchors(place, path)
    steps = list(place.steps)
    while steps and len(steps[-1][0].value) == 1:
        steps.pop()
    if not steps:
        raise EditError(f"{show(path)} is all that the file holds: delete the file instead")
    edited = yaml_splices.apply(text, yaml_splices.remove(text, *steps[-1]))
    if shape(_compose_again(edited, path)) != without(before, path):
        raise _refused(path)
    return edited


def parse_assignment(argument: str) -> tuple[tuple[str, ...], Value]:
    """`model.name=claude-x` → (("model", "name"), "claude-x"); a quoted part may hold dots: `labels."a.b/c"=x`.

    The value is a word, a number, true, false, null, a quoted string, or a list or mapping in flow style. Words which
    YAML versions read differently (yes, 012, 12:30, dates), text of several lines, and all other text are strings as
    they stand; nothing is the empty string. Raises EditError.
    """
    parts: list[str] = []
    position = 0
    while True:
        part = _KEY_PART.match(argument, position)
        if not part:
            raise _not_an_assignment(argument, position)
        parts.append(_unquoted(part[0]))
        position = part.end()
        separator = argument[position : position + 1]
        if separator == "=":
            return tuple(parts), _read(argument, argument[position + 1 :])
        if separator != ".":
            raise _not_an_assignment(argument, position)
        position += 1


def _unquoted(part: str) -> str:
    if part[0] == '"':
        return re.sub(r"\\(.)", r"\1", part[1:-1])
    return part[1:-1] if part[0] == "'" else part


def _not_an_assignment(argument: str, position: int) -> EditError:
    if "=" not in argument:
        return EditError(f"{argument!r} gives no value: expected FIELD=VALUE, {_EXAMPLE}")
    rest = argument[position:]
    if rest.startswith(("=", ".")) or not rest:
        return EditError(f"{argument!r} has an empty field name: expected names with single dots between, {_EXAMPLE}")
    if rest[0] in "\"'" and rest.count(rest[0]) < 2:
        return EditError(
            f'{argument!r} has an open quote in the field: close it, for example labels."example.com/team"=x'
        )
    return EditError(
        f"{argument!r} is no assignment, at {rest[:20]!r}: expected FIELD=VALUE without blanks around '=', {_EXAMPLE}; "
        'quote a name with dots or blanks: labels."example.com/team"=x'
    )


def _read(argument: str, text: str) -> Value:
    stripped = text.strip()
    if not stripped.startswith(("{", "[", '"', "'")):
        return text if "\n" in text else read_plain(stripped) if stripped else ""
    try:
        root = compose(f"value: {text}" if "\n" not in text else "value:\n " + text.replace("\n", "\n "))
        shape(root)
        if len(root.value) != 1 or has_anchor(root, deep=True):
            raise EditError("expected one value, without anchors")
        return value_of(root.value[0][1])
    except (EditError, YAMLError) as error:
        raise EditError(
            f"{argument!r}: the value begins like a list, a mapping or a quoted string but is none ({error}); "
            "expected for example [a, b] or {min: 2}; put quotes around text: 'prompt=\"[draft] Be kind.\"'"
        ) from None


def _compose_again(edited: str, path: tuple[str, ...]) -> MappingNode:
    try:
        return compose(edited)
    except EditError:
        raise _refused(path) from None


def _refused(path: tuple[str, ...]) -> EditError:
    return EditError(
        f"{show(path)} cannot be edited without changing something else, because of how the file is laid out there; "
        "expected plain block style ('name: value', one a line): edit the file by hand"
    )


def _refuse_anchors(place: Place, path: tuple[str, ...]) -> None:
    for depth, (mapping, index) in enumerate(place.steps):
        key, value = mapping.value[index]
        _refuse_anchor(key, path)
        whole = not place.missing and depth == len(place.steps) - 1
        if has_anchor(value, deep=whole):
            _refuse_anchor(value, path, deep=whole)


def _refuse_anchor(node: Node, path: tuple[str, ...], *, deep: bool = True) -> None:
    if has_anchor(node, deep=deep):
        raise EditError(
            f"{show(path)} holds an anchor (&) or an alias (*), so an edit would change other places too: "
            "expected values written out, for example 'hosts: [a, b]'"
        )


def _nearest(place: Place, root: MappingNode) -> str:
    parent = place.value if place.steps else root
    names = [str(key.value) for key, _ in parent.value] if isinstance(parent, MappingNode) else []
    near = difflib.get_close_matches(place.missing[0], names, 1)
    return f": did you mean {near[0]!r}?" if near else f"; there is {', '.join(names)}" if names else ""
