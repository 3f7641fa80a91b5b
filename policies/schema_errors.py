"""Schema errors in the words of the reader: where, what is wrong, what is allowed, the nearest spelling."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from jsonschema_rs import ValidationError

Path = tuple[str | int, ...]
_SHOWN_CHARACTERS = 80
# Deeper than any Kubernetes object; a structure that contains itself ends here.
_DEEPEST = 100


@dataclass(frozen=True)
class SchemaError:
    """One thing wrong with a manifest.

    `path` leads from the manifest's root to the field in question, list positions as integers; for a missing field
    it ends with the missing key, for an unknown field with the unknown key. `message` is one line without the path.
    """

    path: Path
    message: str


def by_path(error: SchemaError) -> tuple[list[tuple[int, str]], str]:
    """Sort key: by path, list positions as numbers, then by message."""
    return [(part, "") if isinstance(part, int) else (-1, part) for part in error.path], error.message


def nearest(word: str, allowed: Collection[str]) -> str:
    """ "; did you mean …?" with the closest of `allowed`, or "; allowed: …" with all of them when none is close."""
    lowered = {name.lower(): name for name in sorted(allowed)}
    close = get_close_matches(word.lower(), lowered, n=1)
    if close:
        return f"; did you mean {lowered[close[0]]!r}?"
    return f"; allowed: {', '.join(sorted(allowed)) or 'nothing'}"


def translate(errors: Iterable[ValidationError], document: dict[str, Any], *, show_values: bool) -> list[SchemaError]:
    """The validator's errors as ours, sorted by path, without repeats.

    `document` is the schema that the validator was compiled from. Values stay out of the messages where `show_values`
    is false (a Secret's).
    """
    found = {ours for error in errors for ours in _translate(error, document, show_values)}
    return sorted(found, key=by_path)


def non_json_values(value: Any, path: Path = ()) -> list[SchemaError]:
    """Errors for all keys that are no strings, values that JSON does not have, and nesting without end."""
    if len(path) > _DEEPEST:
        return [SchemaError(path, f"nested more than {_DEEPEST} levels deep")]
    if isinstance(value, dict):
        errors = [
            SchemaError(path, f"key {key!r} is {_type_name(key)}; allowed: string")
            for key in value
            if type(key) is not str
        ]
        return errors + [
            error for key, item in value.items() if type(key) is str for error in non_json_values(item, (*path, key))
        ]
    if isinstance(value, list):
        return [error for index, item in enumerate(value) for error in non_json_values(item, (*path, index))]
    if value is None or isinstance(value, str | bool | int | float):
        return []
    return [SchemaError(path, f"a value of type {type(value).__name__} cannot be written as JSON")]


def _translate(error: ValidationError, document: dict[str, Any], show_values: bool) -> Iterator[SchemaError]:
    path: Path = tuple(error.instance_path)
    keyword, details = error.kind.name, error.kind.as_dict()
    parent = _lookup(document, error.schema_path[:-1])
    if keyword == "additionalProperties":
        for key in details["unexpected"]:
            yield SchemaError((*path, key), "unknown field" + nearest(key, parent.get("properties", {})))
        return
    if keyword == "required":
        yield SchemaError((*path, details["property"]), "required, but missing")
        return
    value = _shown(error.instance) if show_values else "the value"
    yield SchemaError(path, _message(keyword, parent, error.instance, value))


def _message(keyword: str, schema: dict[str, Any], instance: Any, value: str) -> str:
    rule = schema.get(keyword)
    match keyword:
        case "type":
            allowed = " or ".join(rule) if isinstance(rule, list) else rule
            what = "must not be null" if instance is None else f"{value} is of type {_type_name(instance)}"
            return f"{what}; allowed: {allowed}"
        case "enum" | "const":
            options = [str(option) for option in (rule if isinstance(rule, list) else [rule])]
            hint = nearest(instance, options) if isinstance(instance, str) else f"; allowed: {', '.join(options)}"
            return f"{value} is not allowed{hint}"
        case "minimum" | "maximum":
            return f"{value} is out of range; allowed: {schema.get('minimum', 'any')} to {schema.get('maximum', 'any')}"
        case "pattern":
            return f"{value} has the wrong form; allowed: {rule}"
        case "oneOf" | "anyOf":
            return f"give {'exactly' if keyword == 'oneOf' else 'at least'} one of {_alternatives(rule)}"
        case _:
            return f"{value} breaks the rule {keyword}: {rule}"


def _alternatives(schemas: Any) -> str:
    keys = [" and ".join(schema["required"]) for schema in schemas if isinstance(schema, dict) and "required" in schema]
    return ", ".join(keys) or f"{len(schemas)} alternatives"


def _lookup(document: Any, pointer: list[str | int]) -> dict[str, Any]:
    # The validator's paths start at a definition, so that there is no $ref on the way.
    for part in pointer:
        document = document[part]
    return document if isinstance(document, dict) else {}


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"{'a mapping' if isinstance(value, dict) else 'a list'} of {len(value)}"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= _SHOWN_CHARACTERS else text[: _SHOWN_CHARACTERS - 1] + "…"


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), type(value).__name__)
