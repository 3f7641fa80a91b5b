"""What the stand-in is told to do, what it remembers of what it was asked, and what an API key alone can ask of it."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from typing import Any

ANSWER = "This is the stand-in for the model's provider. It answers every task with this sentence."
REMEMBERED = 100

_IN_KEY = re.compile(
    r"-(?:status-(?P<status>[1-5][0-9]{2})|delay-(?P<delay>[0-9]+(?:\.[0-9]+)?)|(?P<echo>echo))(?=-|$)"
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How the next requests are answered; the fields are what `POST /control` takes.

    `fail` and `stream_fail` are used up one a request: an HTTP status instead of an answer, or an error event after
    the first piece of a stream; 0 cuts the connection off half-way, and in `fail` 200 lets one request through.
    """

    answer: str = ANSWER
    echo: bool = False
    pieces: int | tuple[str, ...] = 0
    """How many pieces a stream has, or the pieces themselves; 0: one a word."""
    delay_seconds: float = 0.0
    """Before the first byte."""
    piece_seconds: float = 0.0
    """Before each piece of a stream but the first."""
    retry_after_seconds: float | None = 1
    fail: tuple[int, ...] = ()
    stream_fail: tuple[int, ...] = ()
    revoked: bool = False
    keys: tuple[str, ...] | None = None
    """The only keys that are taken; None: any."""
    flags: tuple[tuple[str, str], ...] = (("violence", "(violence)"),)
    """Moderation: the category, and the text that puts an input into it."""


@dataclass(frozen=True, slots=True)
class KeyBehaviour:
    """What is written into a key, such as `sk-status-529`, `sk-delay-0.2` or `sk-echo`: for all requests with it."""

    status: int | None
    delay_seconds: float
    echo: bool


@lru_cache(maxsize=1024)
def of_key(key: str) -> KeyBehaviour:
    """Reads a key; what it does not say is left as it is."""
    status, delay, echo = None, 0.0, False
    for found in _IN_KEY.finditer(key):
        status = int(found["status"]) if found["status"] else status
        delay = float(found["delay"]) if found["delay"] else delay
        echo = echo or bool(found["echo"])
    return KeyBehaviour(status, delay, echo)


def changed(behaviour: Behaviour, changes: Any) -> Behaviour:
    """With what a control request says; ValueError names what it doesn't know or cannot take."""
    if not isinstance(changes, dict):
        raise ValueError("the body must be a JSON object")
    known = {field.name for field in fields(Behaviour)}
    if unknown := sorted(set(changes) - known):
        raise ValueError(f"unknown: {', '.join(unknown)}; known are {', '.join(sorted(known))}")
    values: dict[str, Any] = {}
    for name, value in changes.items():
        if name == "flags" and isinstance(value, dict):
            value = value.items()
        if name == "flags":
            values[name] = tuple((str(category), str(text)) for category, text in value)
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
        if not _fits(name, values[name]):
            raise ValueError(f"{name}: {value!r} is not what it takes")
    return replace(behaviour, **values)


def _fits(name: str, value: Any) -> bool:
    if name in ("echo", "revoked"):
        return isinstance(value, bool)
    if name == "answer":
        return isinstance(value, str)
    if name in ("fail", "stream_fail"):
        return isinstance(value, tuple) and all(status == 0 or status in range(200, 600) for status in value)
    if name == "keys":
        return value is None or isinstance(value, tuple)
    if name == "pieces":
        return isinstance(value, tuple) or (type(value) is int and value >= 0)
    if name in ("delay_seconds", "piece_seconds", "retry_after_seconds"):
        return (value is None and name.startswith("retry")) or (isinstance(value, int | float) and value >= 0)
    return True


@dataclass(slots=True)
class Memory:
    """Counts and the last requests; never a key."""

    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    by_status: Counter[int] = field(default_factory=Counter)
    by_path: Counter[str] = field(default_factory=Counter)
    last: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def next_failure(self, name: str) -> int | None:
        """Takes the next of `fail` or `stream_fail`; None when none is left."""
        left: tuple[int, ...] = getattr(self.behaviour, name)
        if not left:
            return None
        self.behaviour = changed(self.behaviour, {name: left[1:]})
        return left[0]

    def shown(self) -> dict[str, Any]:
        """As `GET /control` answers."""
        behaviour = {item.name: getattr(self.behaviour, item.name) for item in fields(Behaviour) if item.name != "keys"}
        return {
            "requests": self.requests,
            "in_flight": self.in_flight,
            "most_in_flight": self.most_in_flight,
            "by_status": {str(status): count for status, count in sorted(self.by_status.items())},
            "by_path": dict(sorted(self.by_path.items())),
            "last": list(self.last),
            "behaviour": behaviour,
        }
