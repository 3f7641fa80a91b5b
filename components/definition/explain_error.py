"""Turns what pydantic found into findings for people: place, value, what is allowed, nearest spelling."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel, ValidationError

from components.definition.fields import MEANINGS
from components.definition.findings import Finding, nearest, one_of, show
from components.definition.yaml_reader import Document, KeyPath

_TYPES = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
}
_BOUNDS = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt", "less_than_equal": "le"}
_BOUND_WORDS = {"gt": "more than", "ge": "at least", "lt": "less than", "le": "at most"}


def validate(model: type[BaseModel], value: Any, document: Document, prefix: KeyPath = ()) -> list[Finding]:
    """The findings for `value`, which stands at `prefix` in `document`, held against `model`; empty when it fits."""
    try:
        model.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        details = error.errors(include_url=False)
        return [_finding(model, value, detail, document, prefix) for detail in details]
    return []


def faults(model: type[BaseModel], value: Any) -> list[KeyPath]:
    """Where `value` does not fit `model`: paths as they stand in the file."""
    try:
        model.__pydantic_validator__.validate_python(value)
    except ValidationError as error:
        return [_real_path(value, detail["loc"]) for detail in error.errors(include_url=False, include_input=False)]
    return []


def _finding(model: type[BaseModel], value: Any, error: Any, document: Document, prefix: KeyPath) -> Finding:
    location: KeyPath = error["loc"]
    kind: str = error["type"]
    at_key = bool(location) and location[-1] == "[key]"
    path = _real_path(value, location)
    where = ".".join(map(str, path)) or "the file"
    if kind == "extra_forbidden":
        allowed = _keys_at(model, location[:-1])
        hint = nearest(str(location[-1]), allowed) or f" Allowed: {one_of(allowed, 30)}."
        message = f"unknown key {show(location[-1])}.{hint}"
        return document.finding((*prefix, *path), "unknown-key", message, key=True)
    if kind == "missing":
        return document.finding((*prefix, *path), "missing-key", f"{where} is missing; it must be given")
    rule = "wrong-type" if kind in _TYPES else "wrong-value"
    return document.finding((*prefix, *path), rule, f"{where}: {_problem(kind, error, location)}", key=at_key)


def _real_path(value: Any, location: KeyPath) -> KeyPath:
    """Pydantic's location without the parts that do not stand in the file (the names of union members)."""
    path: list[str | int] = []
    for index, part in enumerate(location):
        if _has(value, part):
            value = value[part]
            path.append(part)
        elif index == len(location) - 1 and part != "[key]":
            path.append(part)
    return tuple(path)


def _has(value: Any, part: str | int) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def _problem(kind: str, error: Any, location: KeyPath) -> str:
    value, context = error["input"], error.get("ctx", {})
    given = "the value" if "secrets" in location or "secret" in location else show(value)
    if location[-1:] == ("[key]",):
        given = f"the key {show(location[-2])}"
    if kind in _TYPES:
        # The number as it was written is not known any more (1.10 is 1.1 by now), so it is not repeated as advice.
        quote = "; quote it" if kind == "string_type" and isinstance(value, (int, float)) else ""
        return f"{given} is not {_TYPES[kind]}{quote}"
    if kind == "string_pattern_mismatch":
        return f"{given} is not {MEANINGS.get(context['pattern'], 'of the form ' + context['pattern'])}"
    if kind in _BOUNDS:
        bound = _BOUNDS[kind]
        return f"{given} is out of range; {_BOUND_WORDS[bound]} {context[bound]} is allowed"
    if kind in ("literal_error", "enum"):
        return f"{given} is not allowed; allowed: {context['expected']}"
    if kind == "value_error":
        return f"{given}: {context['error']}"
    if kind in ("string_too_long", "too_long"):
        return f"too long; at most {context['max_length']} are allowed"
    if kind in ("string_too_short", "too_short"):
        return f"{given} is too short; at least {context['min_length']} needed"
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return f"`kind` must be one of {context.get('expected_tags', 'the known kinds')}"
    return str(error["msg"])


def _keys_at(model: type[BaseModel], location: KeyPath) -> set[str]:
    """The keys that the mapping at `location` may have."""
    found: set[type[BaseModel]] = {model}
    for part in location:
        found = {step for one in found for step in _step(one, part)} or found
    return {field for one in found for field in one.model_fields}


def _step(model: type[BaseModel], part: str | int) -> Iterable[type[BaseModel]]:
    field = model.model_fields.get(str(part))
    return _models_in(field.annotation) if field else ()


def _models_in(annotation: Any) -> Iterable[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        if issubclass(annotation, BaseModel):
            yield annotation
        return
    for argument in typing.get_args(annotation):
        yield from _models_in(argument)
