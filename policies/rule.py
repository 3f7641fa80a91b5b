"""What a policy is: one rule a file in `policies/rules/`, with examples that pass and examples that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from components.resolve.resolved import ResolvedAgent

Manifest = dict[str, Any]
Judge = Callable[[Manifest, ResolvedAgent | None], Iterable[str]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy over one kind of object.

    `judge` gets a manifest of one of `kinds`, and its agent (None for a pool's own objects), and yields what is wrong
    in a few words. `field` is the definition's field that the finding points at.
    """

    id: str
    severity: Literal["error", "warning"]
    why: str
    fix: str
    kinds: frozenset[str]
    judge: Judge
    field: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Violation:
    """An object that breaks a rule; `waived` names the waiver's file when someone answers for it."""

    rule: Rule
    kind: str
    name: str
    problem: str
    waived: str = ""

    @property
    def message(self) -> str:
        """The problem, why it matters and how to mend it."""
        return f"{self.kind} {self.name}: {self.problem}. {self.rule.why} {self.rule.fix}"
