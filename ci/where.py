"""Filters over facts: `model.name=claude-x`, `host~example.com`, `cost>=100`."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from components.definition.findings import nearest, one_of
from components.facts import Facts

_ASSIGNED = re.compile(r"\s*([A-Za-z_.]+)\s*(>=|<=|!=|=|~|>|<)\s*(.*?)\s*\Z", re.DOTALL)
_ORDERS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_TEXTS: dict[str, Callable[[Facts], Iterable[str]]] = {
    "pool": lambda of: (of.pool,),
    "name": lambda of: (of.name,),
    "environment": lambda of: (of.environment,),
    "namespace": lambda of: (of.namespace,),
    "owner": lambda of: (of.owner,),
    "runtime": lambda of: (of.runtime,),
    "tier": lambda of: (of.tier,),
    "model": lambda of: (of.model,),
    "provider": lambda of: (of.provider,),
    "channel": lambda of: of.channels,
    "plugin": lambda of: of.plugins,
    "host": lambda of: of.hosts,
    "secret": lambda of: tuple(_secret_words(of)),
    "database": lambda of: of.databases,
    "image": lambda of: (of.image,),
    "suspended": lambda of: ("true" if of.suspended else "false", *((of.suspended,) if of.suspended else ())),
    "route": lambda of: (of.route,),
    "file": lambda of: (of.file,),
    "description": lambda of: (of.description,),
}
_NUMBERS: dict[str, Callable[[Facts], float]] = {
    "cost": lambda of: of.cost_max,
    "cost_min": lambda of: of.cost_min,
    "pods": lambda of: of.pods_max,
    "pods_min": lambda of: of.pods_min,
    "cpu": lambda of: of.cpu_request,
}
# As definitions write them, and in the plural.
_ALSO = {
    "model.name": "model",
    "model.provider": "provider",
    **{f"{name}s": name for name in ("channel", "plugin", "host", "secret", "database", "environment")},
    "storage.databases": "database",
    "exposure.host": "route",
    "scaling.max": "pods",
    "scaling.min": "pods_min",
    "cost_max": "cost",
}


class WhereError(ValueError):
    """A filter that says nothing sensible; the message says what would."""


@dataclass(frozen=True, slots=True)
class Where:
    """One filter."""

    field: str
    sign: str
    value: str

    def holds(self, of: Facts) -> bool:
        """Whether an agent in an environment passes."""
        if self.field in _NUMBERS:
            number, wanted = _NUMBERS[self.field](of), float(self.value)
            if self.sign in _ORDERS:
                return _ORDERS[self.sign](number, wanted)
            return (number == wanted) is (self.sign == "=")
        values = list(_TEXTS[self.field](of))
        if self.sign == "~":
            return any(self.value.casefold() in value.casefold() for value in values)
        return (self.value in values) is (self.sign == "=")

    def hint(self, known: Iterable[Facts]) -> str:
        """The nearest value that there is, for a filter that nothing passes."""
        if self.sign != "=" or self.field in _NUMBERS:
            return ""
        values = {value for of in known for value in _TEXTS[self.field](of) if value}
        if self.value in values:
            return ""
        return f"no {self.field} is {self.value!r}.{nearest(self.value, values) or f' There is: {one_of(values)}.'}"


def parse_where(argument: str) -> Where:
    """Reads `field=value`, `!=`, `~` (contains), or for numbers `>=`, `<=`, `>`, `<`. Raises WhereError."""
    match = _ASSIGNED.match(argument)
    if not match:
        raise WhereError(f"{argument!r} is no filter; write field=value, field!=value, field~part or cost>=100")
    field, sign, value = _ALSO.get(match[1], match[1]), match[2], match[3]
    known = [*_TEXTS, *_NUMBERS]
    if field not in known:
        hint = nearest(field, [*known, *_ALSO]) or f" There is: {one_of(known, 30)}."
        raise WhereError(f"no field {match[1]!r} to filter by.{hint}")
    if field in _NUMBERS:
        if sign == "~" or not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            raise WhereError(f"{argument!r}: {field} is a number; write for example {field}>=10")
    elif sign in _ORDERS:
        raise WhereError(f"{argument!r}: {field} is text; use =, != or ~")
    return Where(field, sign, value)


def _secret_words(of: Facts) -> Iterable[str]:
    """`ENV=path#key`, and each part of it."""
    for secret in of.secrets:
        env, reference = secret.split("=", 1)
        yield from (secret, env, reference, reference.split("#", 1)[0])
