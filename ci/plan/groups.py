"""Changes gathered: one agent over its environments, and agents to which the same thing happens for the same cause."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ci.plan.compare import CHANGED, Change


@dataclass(slots=True)
class Group:
    """Agents (keys, sorted) to which the same happens in the same environments; `example` stands for all."""

    environments: list[str]
    example: Change
    members: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    @property
    def restarts(self) -> bool:
        """Whether pods restart."""
        return bool(self.example.restarts)


def grouped(changes: Iterable[Change]) -> list[Group]:
    """Groups of changed agents, the largest first. An agent that changes differently by environment is in several."""
    by_agent: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        if change.kind == CHANGED:
            by_agent.setdefault((change.key, change.signature), []).append(change)
    groups: dict[tuple[str, tuple[str, ...]], Group] = {}
    for (key, signature), same in by_agent.items():
        environments = [change.environment for change in same]
        group = groups.setdefault((signature, tuple(environments)), Group(environments, same[-1]))
        group.members.append(key)
        group.changes += same
    for group in groups.values():
        group.members.sort()
    return sorted(groups.values(), key=lambda group: (-len(group.members), group.members))


def merged_words(changes: list[Change]) -> list[tuple[str, list[str]]]:
    """What happens to one agent, each thing once, with the environments in which it happens; restarts first."""
    found: dict[str, list[str]] = {}
    for change in changes:
        words = [f"**pods restart**: {'; '.join(change.restarts)}"] if change.restarts else []
        words += change.other
        if not words:
            words = [f"{', '.join(sorted({kind for _, kind, _ in change.objects}))} differs"]
        for word in words:
            found.setdefault(word, []).append(change.environment)
    return sorted(found.items(), key=lambda item: not item[0].startswith("**"))


def by_key(changes: Iterable[Change], kind: str) -> dict[str, list[Change]]:
    """The changes of one kind by agent, sorted."""
    found: dict[str, list[Change]] = {}
    for change in sorted(changes, key=lambda one: one.key):
        if change.kind == kind and (change.before or change.after):
            found.setdefault(change.key, []).append(change)
    return found
