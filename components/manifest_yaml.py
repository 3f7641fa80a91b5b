"""Kubernetes manifests as block-style YAML which every parser reads back alike.

Readers differ: kubectl (go-yaml) and PyYAML follow YAML 1.1, in which `no`, `1_000`, `12:30:45` and `2020-01-01` are
not strings; newer ones follow YAML 1.2. So a string stays bare only if its shape is a string in all of them; text of
several lines is a literal block where that is safe, and everything else is quoted.
"""

import math
import re
from collections.abc import Iterable
from json.encoder import encode_basestring as _json_quoted
from typing import Any

# Words joined by single spaces or colons; or a quantity (`250m`, `256Mi`, `25%`), which no reader takes for a number.
_BARE = re.compile(
    r"[A-Za-z/][A-Za-z0-9_./@%+=,()'-]*+(?:[ :][A-Za-z0-9_./@%+=,()'-]++)*+|[1-9][0-9]*+(?:m|s|[KMGT]i|%)"
)
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "infinity"})
# Not printable in YAML, a line break to some readers (CR, U+0085, U+2028/9), a byte order mark, or a bidirectional
# control that shows a reviewer another text than the parser reads.
_HIDDEN = re.compile(
    "[^\t\n\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)
_FILLED_LINE = re.compile(r"\n(?!\n|\Z)")
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = 2**63  # Kubernetes has no larger integers
_KEY_LIMIT = 1000  # YAML ends an implicit key at 1024 characters
_CACHED_LENGTH = 80
_CACHED_TEXTS = 4096


def dump(manifest: dict[str, Any]) -> str:
    """One manifest as a YAML document without `---`, keys in the order given, ending in exactly one newline.

    Values are dict with str keys, list, str, int (64 bits), finite float, bool and None, and no subclasses of these.
    Raises TypeError for another type and ValueError for another value (NaN, a lone surrogate, a key over 1,000
    characters, a structure that contains itself), naming the path: `spec.ports[0].port`.
    """
    if type(manifest) is not dict:
        raise TypeError(f"a manifest is a dict, not {type(manifest).__name__}")
    if not manifest:
        return "{}\n"
    out: list[str] = []
    try:
        _mapping(manifest, "", out)
    except (_RefusedError, RecursionError):
        raise _explanation(manifest) from None
    return "".join(out)


def dump_all(manifests: Iterable[dict[str, Any]]) -> str:
    """The manifests as one YAML stream, with a `---` line between two documents; empty for none. Raises as `dump`."""
    return "---\n".join([dump(manifest) for manifest in manifests])


class _RefusedError(Exception):
    """A value cannot be written; `_explain` finds which, so that the quick way carries no path."""


def _mapping(value: dict[str, Any], pad: str, out: list[str]) -> None:
    add = out.append
    known = _texts.get
    heads = _heads.setdefault(pad, {})
    for key, item in value.items():
        if type(key) is not str:
            raise _RefusedError
        add(heads.get(key) or _head(key, pad))
        kind = type(item)
        if kind is str:
            add(known(item) or _text(item, pad))
        elif kind is dict and item:
            add("\n")
            _mapping(item, pad + "  ", out)
        elif kind is list and item:
            add("\n")
            _sequence(item, pad, out)
        else:
            add(f" {_atom(item)}\n")


def _sequence(value: list[Any], pad: str, out: list[str]) -> None:
    inner = pad + "  "
    for item in value:
        kind = type(item)
        if kind is str:
            out.append(f"{pad}-{_texts.get(item) or _text(item, pad)}")
        elif (kind is dict or kind is list) and item:
            first = len(out)
            if kind is dict:
                _mapping(item, inner, out)
            else:
                _sequence(item, inner, out)
            out[first] = f"{pad}- {out[first][len(inner) :]}"
        else:
            out.append(f"{pad}- {_atom(item)}\n")


def _atom(value: object) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    if type(value) is int and -_INT64 <= value < _INT64:
        return str(value)
    if type(value) is float and math.isfinite(value):
        text = repr(value)
        # YAML 1.1 takes `1e+16` for a string: a float needs its point.
        return text if "." in text else text.replace("e", ".0e")
    if type(value) is dict and not value:
        return "{}"
    if type(value) is list and not value:
        return "[]"
    raise _RefusedError


# What short strings and keys become, shared by all manifests: names and settings recur in every object of an agent.
_texts: dict[str, str] = {}
_heads: dict[str, dict[str, str]] = {}


def _head(key: str, pad: str) -> str:
    text = _inline(key)
    if len(text) > _KEY_LIMIT:
        raise _RefusedError
    return _remember(_heads[pad], key, f"{pad}{text}:")


def _text(value: str, pad: str) -> str:
    if "\n" in value and not value.isspace() and not _HIDDEN.search(value):
        return _literal(value, pad + "  ")
    return _remember(_texts, value, f" {_inline(value)}\n")


def _remember(known: dict[str, str], value: str, text: str) -> str:
    if len(value) <= _CACHED_LENGTH:
        if len(known) >= _CACHED_TEXTS:
            known.clear()
        known[value] = text
    return text


def _inline(value: str) -> str:
    """The string on one line: bare, in single quotes where that saves escapes, else in JSON's double quotes."""
    if _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if ('"' in value or "\\" in value) and "\n" not in value and "\t" not in value and not _HIDDEN.search(value):
        return "'" + value.replace("'", "''") + "'"
    return _HIDDEN.sub(_escaped, _json_quoted(value))


def _escaped(match: re.Match[str]) -> str:
    if _SURROGATE.match(match[0]):
        raise _RefusedError
    return f"\\u{ord(match[0]):04x}"


def _literal(value: str, pad: str) -> str:
    """The text as a literal block, `pad` before each line that is not empty."""
    # A parser takes the indentation from the first line, unless that starts with blanks.
    indicator = "2" if value[0] in " \t\n" else ""
    body = value.removesuffix("\n")
    chomping = "+" if body[-1] == "\n" else "" if body != value else "-"
    lines = _FILLED_LINE.sub("\n" + pad, "\n" + body)
    # The last of several empty lines is padded, so that no document ends in an empty line.
    return f" |{indicator}{chomping}{lines}{pad if chomping == '+' else ''}\n"


def _explanation(manifest: dict[str, Any]) -> Exception:
    try:
        _explain(manifest, "")
    except (TypeError, ValueError) as refusal:
        return refusal
    except RecursionError:
        pass
    return ValueError("the manifest is nested too deeply")


def _explain(value: object, path: str, parents: tuple[int, ...] = ()) -> None:
    """Raises the TypeError or ValueError that names the first value which cannot be written."""
    here = path or "the manifest"
    if id(value) in parents:
        raise ValueError(f"{here} contains itself")
    if type(value) is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"{here} has the key {key!r}: a key is str, not {type(key).__name__}")
            _explain(key, f"a key of {here}")
            if len(_inline(key)) > _KEY_LIMIT:
                raise ValueError(f"a key of {here} has {len(key)} characters, too many for YAML: {key[:40]}…")
            _explain(item, f"{path}.{key}" if path else key, (*parents, id(value)))
    elif type(value) is list:
        for index, item in enumerate(value):
            _explain(item, f"{path}[{index}]", (*parents, id(value)))
    elif type(value) is str:
        if _SURROGATE.search(value):
            raise ValueError(f"{here} has a lone surrogate, which is no character: {value[:40]!a}")
    elif type(value) is int:
        if not -_INT64 <= value < _INT64:
            raise ValueError(f"{here} is {value}: outside 64 bits")
    elif type(value) is float:
        if not math.isfinite(value):
            raise ValueError(f"{here} is {value}: not a finite number")
    elif value is not None and type(value) is not bool:
        raise TypeError(f"{here} is {type(value).__name__}: allowed are dict, list, str, int, float, bool and None")
