"""What the engine shows a policy, as the manifests that the rules know. The one place where forms are made alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from pulumi_policy.proxy import UnknownValueError

from policies.rule import Manifest

# What a cluster or the provider adds, and no manifest says.
_ADDED = ("status",)


class UnknownError(Exception):
    """A rule asked for a value that a preview does not know yet."""


class _Unknown:
    """Stands where the value is not known yet."""

    def __repr__(self) -> str:
        return "not known yet"


UNKNOWN = _Unknown()


class _Mapping(dict[str, Any]):
    """A mapping some of whose values are not known yet: to read one of those raises UnknownError."""

    def __getitem__(self, key: str) -> Any:
        return _known(super().__getitem__(key))

    def get(self, key: str, default: Any = None) -> Any:
        return _known(super().get(key, default))

    def pop(self, key: str, *default: Any) -> Any:
        return _known(super().pop(key, *default))

    def values(self) -> Any:
        return [_known(one) for one in super().values()]

    def items(self) -> Any:
        return [(key, _known(one)) for key, one in super().items()]

    def __eq__(self, other: object) -> NoReturn:
        raise UnknownError

    __hash__ = None


class _List(list[Any]):
    """A list some of whose items are not known yet."""

    def __getitem__(self, key: Any) -> Any:
        return _known(super().__getitem__(key))

    def __iter__(self) -> Iterator[Any]:
        return (_known(one) for one in super().__iter__())

    def __contains__(self, item: object) -> bool:
        return any(one == item for one in self)

    def __eq__(self, other: object) -> NoReturn:
        raise UnknownError

    __hash__ = None


def _known(value: Any) -> Any:
    if value is UNKNOWN:
        raise UnknownError
    return value


def manifest_of(token: str, props: Mapping[str, Any]) -> Manifest | None:
    """The object that a resource's inputs are; None for what is no object of a cluster.

    Null is absent, numbers without a fraction are integers (the wire has only doubles), secrets are their values, and
    what the cluster adds is left out. To read what is not known yet raises UnknownError.
    """
    if not token.startswith("kubernetes:") or token.startswith("kubernetes:yaml"):
        return None
    found = plain(props)
    for key in _ADDED:
        dict.pop(found, key, None)
    return found  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """A value of the engine as plain Python."""
    if isinstance(value, Mapping):
        # Sorted, as the wire's order changes from run to run and words may show a mapping.
        pairs = [(key, _item(value, key)) for key in sorted(value)]
        kept = {key: one for key, one in pairs if one is not None}
        return _Mapping(kept) if any(one is UNKNOWN for one in kept.values()) else kept
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        items = [_item(value, index) for index in range(len(value))]
        return _List(items) if any(one is UNKNOWN for one in items) else items
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _item(value: Any, key: Any) -> Any:
    try:
        return plain(value[key])
    except UnknownValueError:
        return UNKNOWN


def alike(shown: Any, rendered: Any) -> bool:
    """Whether an object is the rendered one, as far as it is known."""
    if shown is UNKNOWN:
        return True
    if isinstance(shown, dict) and isinstance(rendered, dict):
        theirs = {key: one for key, one in rendered.items() if one is not None}
        return shown.keys() == theirs.keys() and all(alike(dict.get(shown, key), one) for key, one in theirs.items())
    if isinstance(shown, list) and isinstance(rendered, list):
        pairs = zip(list.__iter__(shown), rendered, strict=False)
        return len(shown) == len(rendered) and all(alike(one, other) for one, other in pairs)
    return bool(shown == rendered)
