"""Compares what was applied with what is live: the fields that were applied, and what others added to them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from ci.cluster.managed_fields import Element, Path, others

Object = Mapping[str, Any]
What = Literal["changed", "removed", "added"]

# The keys by which the API server merges lists of maps (x-kubernetes-list-map-keys, and patchMergeKey of older types).
# Ports are called by their names here, because an author knows these.
_MERGE_KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "ports": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "imagePullSecrets": ("name",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "hostAliases": ("ip",),
}
# Maps whose values are quantities, and fields that are one.
_QUANTITY_MAPS = frozenset(("requests", "limits", "hard", "default", "defaultRequest", "max", "min"))
_QUANTITIES = frozenset(("sizeLimit", "averageValue", "divisor"))
_QUANTITY = re.compile(r"([+-]?[0-9]*\.?[0-9]+)(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_IDENTITY = frozenset(("apiVersion", "kind", "status"))
_OWN_METADATA = ("labels", "annotations")
# What running software adds to objects on purpose: the path's end → who, and why it is no drift.
_ADDED_ON_PURPOSE = (
    re.compile(r"^STAKATER_"),  # Reloader restarts pods by it when a Secret changes.
    re.compile(r"^kubectl\.kubernetes\.io/restartedAt$"),  # A restart by hand runs the same pods again.
    re.compile(r"^volumeName$"),  # The volume controller binds a claim.
)


@dataclass(frozen=True, slots=True)
class Field:
    """A field that differs. `applied` is None where it was added, `live` where it was removed."""

    path: Path
    what: What
    applied: Any
    live: Any


def differences(applied: Object, live: Object) -> list[Field]:
    """The fields of the applied object that are different live, and those that others added."""
    found: list[Field] = []
    for key, value in applied.items():
        if key == "metadata":
            for part in _OWN_METADATA:
                found += _changed((key, part), value.get(part), live["metadata"].get(part))
        elif key not in _IDENTITY:
            found += _changed((key,), value, live.get(key))
    for key, value in live.items():
        if key not in (*_IDENTITY, "metadata"):
            found += _added((key,), applied.get(key), value, live)
    return found


def same_quantity(one: Any, other: Any) -> bool:
    """Whether two values are quantities and the same amount: 1000m and 1, 1Gi and 1024Mi."""
    amounts = _amount(one), _amount(other)
    return amounts[0] is not None and amounts[0] == amounts[1]


def _changed(path: Path, applied: Any, live: Any) -> Iterator[Field]:
    if applied is None or _same(path, applied, live):
        return
    if live is None:
        yield Field(path, "removed", applied, None)
    elif isinstance(applied, Mapping) and isinstance(live, Mapping):
        for key, value in applied.items():
            yield from _changed((*path, key), value, live.get(key))
    elif isinstance(applied, list) and isinstance(live, list):
        yield from _list_changed(path, applied, live)
    else:
        yield Field(path, "changed", applied, live)


def _list_changed(path: Path, applied: Sequence[Any], live: Sequence[Any]) -> Iterator[Field]:
    keys = _merge_keys(path, [*applied, *live])
    if keys:
        elements = {_label(one, keys): one for one in live}
        for one in applied:
            label = _label(one, keys)
            found = elements.get(label)
            if found is None:
                yield Field((*path, Element(label, one)), "removed", one, None)
            else:
                yield from _changed((*path, Element(label, found)), one, found)
    elif len(applied) != len(live) or not all(isinstance(one, Mapping) for one in (*applied, *live)):
        yield Field(path, "changed", list(applied), list(live))
    else:
        for index, (one, found) in enumerate(zip(applied, live, strict=True)):
            yield from _changed((*path, Element(str(index), found)), one, found)


def _added(path: Path, applied: Any, live: Any, whole: Object) -> Iterator[Field]:
    """What is live, was not applied, and has an owner: what the server fills in by itself has none."""
    if isinstance(live, Mapping) and isinstance(applied, Mapping):
        for key, value in live.items():
            yield from _added((*path, key), applied.get(key), value, whole)
    elif isinstance(live, list) and isinstance(applied, list):
        keys = _merge_keys(path, [*applied, *live])
        known = {_label(one, keys): one for one in applied} if keys else {}
        for one in live if keys else ():
            label = _label(one, keys)
            yield from _added((*path, Element(label, one)), known.get(label), one, whole)
    elif applied is None and others(whole, path):
        yield from _owned_by_others(path, live, whole)


def _owned_by_others(path: Path, live: Any, whole: Object) -> Iterator[Field]:
    """What was added at a path: the fields of a map one by one, where each has an owner."""
    if _on_purpose(path[-1]):
        return
    if not isinstance(live, Mapping) or isinstance(path[-1], Element):
        yield Field(path, "added", None, live)
        return
    meant = {key: value for key, value in live.items() if not _on_purpose(key)}
    inside = [field for key, value in meant.items() for field in _added((*path, key), None, value, whole)]
    if meant:
        yield from inside or [Field(path, "added", None, live)]


def _on_purpose(step: str | Element) -> bool:
    name = step.label if isinstance(step, Element) else step
    return any(shape.search(name) for shape in _ADDED_ON_PURPOSE)


def _same(path: Path, applied: Any, live: Any) -> bool:
    # The server leaves out what is empty.
    if live is None and applied in (None, "", 0, False, [], {}):
        return True
    if isinstance(applied, bool) is not isinstance(live, bool):
        return False
    return bool(applied == live) or (_is_quantity(path) and same_quantity(applied, live))


def _is_quantity(path: Path) -> bool:
    steps = [step for step in path[-2:] if isinstance(step, str)]
    return len(steps) == len(path[-2:]) and (steps[-1] in _QUANTITIES or steps[0] in _QUANTITY_MAPS)


def _amount(value: Any) -> Decimal | None:
    found = _QUANTITY.fullmatch(str(value)) if isinstance(value, str | int | float) else None
    if found is None:
        return None
    suffix = found[2] or ""
    try:
        if suffix in _BINARY:
            return Decimal(found[1]) * Decimal(1024) ** _BINARY[suffix]
        power = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
        return Decimal(found[1]).scaleb(power)
    except InvalidOperation:
        return None


def _merge_keys(path: Path, elements: Sequence[Any]) -> tuple[str, ...]:
    """The keys by which a list is merged; none when it is compared by position."""
    keys = _MERGE_KEYS.get(path[-1], ()) if isinstance(path[-1], str) else ()
    known = all(isinstance(one, Mapping) and all(key in one for key in keys) for one in elements)
    labels = [_label(one, keys) for one in elements] if keys and known else []
    return keys if labels and len(set(labels)) >= len(labels) / 2 else ()


def _label(element: Any, keys: Sequence[str]) -> str:
    return " ".join(str(element[key]) for key in keys)
