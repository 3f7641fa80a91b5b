"""Values of a definition as YAML text and back, in the part of YAML that 1.1 and 1.2 parsers read alike."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from decimal import Decimal

Value = str | int | float | bool | None | list["Value"] | dict[str, "Value"]


class EditError(ValueError):
    """An edit that cannot be made; the message says what was given, what is expected, and shows an example."""


_SAME_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("~", "null", "Null", "NULL", ""), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_SAME_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_SAME_FLOAT = re.compile(r"[-+]?[0-9]+\.[0-9]+(?:[eE][-+][0-9]+)?")

# What some parser takes for something else than text: words, numbers in any notation, times, dates, `=` and `<<`.
_NOT_TEXT = re.compile(
    r"~|null|none|true|false|yes|no|on|off|y|n|=|<<|[-+]?\.?(?:inf|infinity|nan)"
    r"|[-+]?0[xob][0-9a-f_]*|[-+]?[0-9._]+(?:e[-+]?[0-9_]*)?"
    r"|[-+]?[0-9][0-9_]*(?::[0-9]+)+(?:\.[0-9_]*)?|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[t\s].*)?",
    re.IGNORECASE | re.DOTALL,
)
_PLAIN_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+){2,}")  # 1.0.0 is no number to anyone
_BAD_START = tuple("-?:,[]{}#&*!|>'\"%@`")
# Not printable in YAML, a line break to some parsers, or a control that shows a reviewer another text than is parsed.
_HIDDEN = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_KEY_LIMIT = 1000  # YAML ends a key at 1,024 characters
_FLOW_UNSAFE = re.compile(r"[,\[\]{}:?#'\"]")


def read_plain(text: str) -> Value:
    """The value of an unquoted word, where YAML 1.1 and 1.2 agree about it; else (yes, 012, 12:30, dates) the text."""
    if text in _SAME_WORDS:
        return _SAME_WORDS[text]
    if _SAME_INTEGER.fullmatch(text):
        return int(text) if len(text) < 400 else text
    if _SAME_FLOAT.fullmatch(text) and math.isfinite(number := float(text)):
        return number
    return text


def same(left: object, right: object) -> bool:
    """Whether two values are equal with their types: 1, 1.0 and true are three values; the order of keys counts."""
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return left == right


def is_plain(text: str, *, flow: bool) -> bool:
    """Whether every parser reads `text`, unquoted on one line, as that very string (`flow`: inside `{}` or `[]`)."""
    if not text or text != text.strip() or text.startswith((*_BAD_START, "...")) or text.endswith(":"):
        return False
    if "\n" in text or "\t" in text or _HIDDEN.search(text) or ": " in text or " #" in text:
        return False
    if flow and _FLOW_UNSAFE.search(text):
        return False
    return not _NOT_TEXT.fullmatch(text) or bool(_PLAIN_VERSION.fullmatch(text))


def scalar(value: Value, *, flow: bool = False) -> str:
    """A scalar (or an empty list or mapping) on one line; strings are plain where that is safe, else double-quoted."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float():
            return _number(value)
        case str():
            return value if is_plain(value, flow=flow) else _quoted(value)
        case []:
            return "[]"
    if value == {}:
        return "{}"
    raise EditError(f"{value!r} cannot be written: expected text, a number, true, null, a list or a mapping")


def flow(value: Value) -> str:
    """A value in flow style, on one line: `{min: 2, hosts: [a, b]}`."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key(name, flow=True)}: {flow(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    return scalar(value, flow=True)


def key(name: str, *, flow: bool = False) -> str:
    """A mapping's key, without the colon."""
    if not isinstance(name, str):
        raise EditError(f"{name!r} cannot be a key: keys are text, for example 'name'")
    written = scalar(name, flow=flow)
    if len(written) > _KEY_LIMIT:
        raise EditError(f"the key {name[:40]!r}… has {len(written)} characters: expected at most {_KEY_LIMIT}")
    return written


@dataclass(frozen=True)
class BlockStyle:
    """How block collections are laid out: columns of one step, and of a list's dash below its key."""

    step: int = 2
    dash: int = 2
    literals: bool = True


def block(value: Value, column: int, style: BlockStyle) -> tuple[str, list[str]]:
    """What stands after the colon of a key at `column`, and the whole lines below it, without line ends."""
    pad = " " * (column + style.step)
    if isinstance(value, str) and style.literals and _fits_literal(value):
        head = "|" if value.endswith("\n") else "|-"
        return head, [pad + line if line else "" for line in value.removesuffix("\n").split("\n")]
    if isinstance(value, dict) and value:
        return "", [line for name, item in value.items() for line in entry(name, item, column + style.step, style)]
    if isinstance(value, list) and value:
        return "", [line for item in value for line in _item(item, column + style.dash, style)]
    return scalar(value), []


def entry(name: str, value: Value, column: int, style: BlockStyle) -> list[str]:
    """The lines of `name: value` in a block mapping at `column`."""
    head, lines = block(value, column, style)
    return [" " * column + key(name) + ":" + (f" {head}" if head else ""), *lines]


def _item(value: Value, column: int, style: BlockStyle) -> list[str]:
    dash = " " * column + "- "
    if isinstance(value, dict) and value:
        lines = [line for name, item in value.items() for line in entry(name, item, column + 2, style)]
        return [dash + lines[0][column + 2 :], *lines[1:]]
    if isinstance(value, list) and value:
        lines = [line for item in value for line in _item(item, column + 2, style)]
        return [dash + lines[0][column + 2 :], *lines[1:]]
    head, lines = block(value, column, style)
    return [dash + head, *lines]


def _fits_literal(text: str) -> bool:
    """Whether `text` has several lines which all parsers read back alike from a literal block without indicators."""
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 2 or not lines[0].strip() or not lines[-1].strip() or _HIDDEN.search(text):
        return False
    return not any(line[:1] == "\t" or (line and line.isspace()) for line in lines) and not lines[0].startswith(" ")


def _number(value: float) -> str:
    if not math.isfinite(value):
        raise EditError(f"{value!r} cannot be written: expected a finite number, for example 0.7")
    text = format(Decimal(repr(value)), "f")  # no exponent: YAML 1.1 takes 1e+16 for text
    return text if "." in text else f"{text}.0"


def _quoted(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise EditError(f"{text!r} cannot be written: half of a surrogate pair is not a character; give UTF-8 text")
    return _HIDDEN.sub(lambda hidden: f"\\u{ord(hidden[0]):04x}", json.dumps(text, ensure_ascii=False))
