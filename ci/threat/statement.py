"""A statement about what an agent can do, and how two states of it differ in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

REACHES = "Reaches"
HOLDS = "Holds secrets"
REACHED = "Is reached by"
CLUSTER = "May do in the cluster"
RUNS_AS = "Runs as"
SPENDS = "Could spend"
KEEPS = "Keeps"
STRANGERS = "Hears strangers on"
SAFETY = "Safety checks"
POLICIES = "Policies"
IMAGE = "Image"
# In the order of the page, with how many statements it shows of each.
TOPICS = {
    REACHES: 9,
    HOLDS: 8,
    REACHED: 7,
    CLUSTER: 2,
    RUNS_AS: 3,
    SPENDS: 2,
    KEEPS: 3,
    STRANGERS: 3,
    SAFETY: 2,
    POLICIES: 4,
    IMAGE: 6,
}


@dataclass(frozen=True, slots=True)
class Statement:
    """One thing about an agent. `topic` and `key` tell it from all others; `value` is what may differ between states.

    `text` is what the page says. `gained` and `lost` say that it came or went, `changed` that its value is another
    one, with `{}` where `before → after` goes; what has an empty form is not told.
    """

    topic: str
    key: str
    text: str
    value: str = ""
    gained: str = ""
    lost: str = ""
    changed: str = ""

    def as_json(self) -> dict[str, Any]:
        """A plain dict."""
        return asdict(self)


Statements = tuple[Statement, ...]


def from_json(raw: Iterable[dict[str, Any]]) -> Statements:
    """Statements as another version of Roster wrote them: what this one does not know is left out."""
    known = {field.name for field in fields(Statement)}
    return tuple(
        Statement(**{"topic": "", "key": "", "text": "", **{k: str(v) for k, v in one.items() if k in known}})
        for one in raw
    )


def differences(before: Sequence[Statement], after: Sequence[Statement]) -> list[str]:
    """What differs, in the order of the page: what came and what is another, then what went."""
    olds = {(one.topic, one.key): one for one in before}
    news = {(one.topic, one.key): one for one in after}
    words: list[str] = []
    for key, new in news.items():
        old = olds.get(key)
        if old is None:
            words.append(new.gained)
        elif old.value != new.value and new.changed:
            words.append(new.changed.replace("{}", _arrow(old.value, new.value)))
    words += [old.lost for key, old in olds.items() if key not in news]
    return list(dict.fromkeys(word for word in words if word))


def _arrow(before: str, after: str) -> str:
    """`25 → 250 USD a day`: a unit that both have is said once."""
    first, _, unit = before.partition(" ")
    if unit and unit == after.partition(" ")[2] and any(digit.isdigit() for digit in first):
        before = first
    return f"{before} → {after}"
