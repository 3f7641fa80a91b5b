"""What a policy is: one rule a file in `policies/rules/`, with examples that pass and examples that fail."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from components.definition.load_catalog import Catalog
from components.resolve.resolved import ResolvedAgent

Manifest = dict[str, Any]
Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose objects are judged: an agent's, a pool's own (no agent), or the platform's (neither pool nor agent).

    `catalog` is None only in examples of rules that do not look at it.
    """

    environment: str = ""
    pool: str = ""
    agent: ResolvedAgent | None = None
    catalog: Catalog | None = None

    @classmethod
    def of(cls, agent: ResolvedAgent, catalog: Catalog | None = None) -> Subject:
        """The subject of an agent's own objects."""
        return cls(agent.environment, agent.pool, agent, catalog)


Judge = Callable[[Manifest, Subject], Iterable[str]]
JudgeTogether = Callable[[Sequence[Manifest], Subject], Iterable[tuple[Manifest, str]]]


@dataclass(frozen=True, slots=True)
class Rule:
    """A policy over one kind of object, or over all objects of a subject together.

    `judge` gets a manifest of one of `kinds` and yields what is wrong in a few words. `together` gets all manifests
    of a subject and yields the object at fault with what is wrong; a rule has one of the two. `field` is the
    definition's field that the finding points at. `source` names the guides that ask for it, such as
    "NSA/CISA 2022, Pod security; CIS Kubernetes 5.2.2", or "Roster" for rules that only this domain has.
    """

    id: str
    severity: Severity
    why: str
    fix: str
    kinds: frozenset[str] = frozenset()
    judge: Judge | None = None
    together: JudgeTogether | None = None
    field: tuple[str | int, ...] = ()
    source: str = "Roster"


@dataclass(frozen=True, slots=True)
class Violation:
    """An object that breaks a rule; `waived` names the waiver's file when someone answers for it.

    `lapsed` names the waiver's file when someone did until it ended: that is a warning, and refused only in a change.
    """

    rule: Rule
    kind: str
    name: str
    problem: str
    waived: str = ""
    lapsed: str = ""

    @property
    def severity(self) -> Severity:
        """How it is told where nothing changes."""
        return "warning" if self.lapsed else self.rule.severity

    @property
    def message(self) -> str:
        """The problem, why it matters and how to mend it."""
        return f"{self.kind} {self.name}: {self.problem}. {self.rule.why} {self.rule.fix}"
