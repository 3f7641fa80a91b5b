"""Limits on single fields that several kinds share: ports, quantities, resources, unique names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.schema_errors import Path, SchemaError
from policies.syntax import port_name_problem, quantity

_HIGHEST_PORT = 65535


def mapping(value: Any) -> dict[Any, Any]:
    """`value`, or an empty mapping where it is none: its type is the schema check's to report."""
    return value if type(value) is dict else {}


def mappings(value: Any) -> list[tuple[int, dict[Any, Any]]]:
    """The mappings of a list with their positions; the rest is the schema check's to report."""
    return [(index, item) for index, item in enumerate(value) if type(item) is dict] if type(value) is list else []


def quantity_errors(value: Any, path: Path) -> Iterator[SchemaError]:
    """An error where a given value is no quantity, or a negative one."""
    if value is None:
        return
    amount = quantity(value)
    if amount is None:
        yield SchemaError(path, f"{value!r} is not a quantity such as 250m, 2 or 512Mi")
    elif amount < 0:
        yield SchemaError(path, f"{value!r} is negative")


def resources_errors(resources: Any, path: Path) -> Iterator[SchemaError]:
    """Bad quantities, and requests above their limits."""
    resources = mapping(resources)
    requests, limits = mapping(resources.get("requests")), mapping(resources.get("limits"))
    for group, amounts in (("requests", requests), ("limits", limits)):
        for name, value in amounts.items():
            yield from quantity_errors(value, (*path, group, name))
    for name in requests.keys() & limits.keys():
        request, limit = quantity(requests[name]), quantity(limits[name])
        if request is not None and limit is not None and request > limit:
            yield SchemaError(
                (*path, "requests", name), f"{requests[name]!r} is more than the limit of {limits[name]!r}"
            )


def port_errors(value: Any, path: Path) -> Iterator[SchemaError]:
    """A port number outside 1 to 65535, or a port's name of the wrong form."""
    if type(value) is int:
        if not 1 <= value <= _HIGHEST_PORT:
            yield SchemaError(path, f"{value} is no port; allowed: 1 to {_HIGHEST_PORT}")
    elif type(value) is str and (reason := port_name_problem(value)):
        yield SchemaError(path, f"{value!r} {reason}")


def duplicate_errors(items: Any, key: str, path: Path, what: str) -> Iterator[SchemaError]:
    """An error for every item of a list of mappings whose `key` another one before it has."""
    first: dict[str, int] = {}
    for index, item in mappings(items):
        name = item.get(key)
        if type(name) is str and first.setdefault(name, index) != index:
            yield SchemaError((*path, index, key), f"{what} {name!r} is already given at position {first[name]}")
