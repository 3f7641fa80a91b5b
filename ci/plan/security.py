"""What agents could do from now on, gathered from the changes, for the report."""

from __future__ import annotations

from collections.abc import Iterable

from ci.plan.compare import CHANGED, Change

_WORDS_SHOWN = 6
# Said of a new agent already, in fewer words.
_SAID = ("can now reach `", "holds a new secret")


def what_agents_can_do(changes: Iterable[Change]) -> list[tuple[str, list[str]]]:
    """Each thing that changed agents can do, or no longer can, with the agents; what is new comes first.

    An agent's environments are named where it is so in some of them only.
    """
    places: dict[str, set[str]] = {}
    found: dict[str, dict[str, list[str]]] = {}
    for change in changes:
        if change.kind == CHANGED:
            places.setdefault(change.key, set()).add(change.environment)
            for word in change.security:
                found.setdefault(word, {}).setdefault(change.key, []).append(change.environment)
    return [
        (word, [_where(key, found[word][key], places[key]) for key in sorted(found[word])])
        for word in sorted(found, key=lambda one: "no longer" in one)
    ]


def _where(key: str, environments: list[str], everywhere: set[str]) -> str:
    return key if set(environments) == everywhere else f"{key} in {', '.join(environments)}"


def besides(change: Change) -> str:
    """What a new agent could do besides reaching hosts and holding secrets; empty, or it begins with a semicolon."""
    words = [one for one in change.security if not one.startswith(_SAID)]
    more = [f"and {len(words) - _WORDS_SHOWN} more in plan.json"] if len(words) > _WORDS_SHOWN else []
    return "".join(f"; {word}" for word in [*words[:_WORDS_SHOWN], *more])
