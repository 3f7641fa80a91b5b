"""Waivers over time: what they cover on a day, and what is to be said of those that end, overlap or serve nobody.

There is no clock in here: the day is an ISO date that is given. A waiver holds until the day before it expires. One
that has ended stops nobody because a day went by: what relied on it is warned of, and stays as it was applied. Only a
change of it is refused (`ci.plan`, `stacks`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from components.definition.findings import Finding, Severity, nearest
from components.definition.load_catalog import Catalog
from components.definition.waiver import PLATFORM, Waiver
from components.definition.yaml_reader import KeyPath
from components.resolve.resolved import ResolvedAgent
from policies.rule import Subject

# How long before the end of a waiver everybody is told: time for a review of what is to follow it.
NOTICE_DAYS = 14
# The farthest that an end may be: twelve months. Beyond it is an error and no warning, since only a commit can bring it
# about: time brings every end nearer, so it never stops anybody but whoever writes it.
LONGEST_DAYS = 366


def scopes_of(agent: ResolvedAgent) -> frozenset[str]:
    """Every scope that covers the agent."""
    return frozenset(
        {agent.key, f"{agent.pool}/*", f"runtime:{agent.runtime}", f"image:{agent.image.reference}"},
    )


def covering_scopes(subject: Subject) -> frozenset[str]:
    """Every scope that covers a subject: an agent's, a pool's as `pool/*`, or that of the platform."""
    if subject.agent is not None:
        return scopes_of(subject.agent)
    return frozenset({f"{subject.pool}/*" if subject.pool else PLATFORM})


@dataclass(frozen=True, slots=True)
class Answer:
    """Who answers for a violation: the waiver's file that holds, or else the one that held until it ended."""

    holds: str = ""
    lapsed: str = ""


class Waivers:
    """The waivers by file, on a day."""

    def __init__(self, waivers: Mapping[str, Waiver], today: str) -> None:
        self._by_rule: dict[str, list[tuple[str, Waiver, frozenset[str]]]] = {}
        self._today = today
        # The one that holds longest first.
        for path, waiver in sorted(waivers.items(), key=lambda item: item[1].expires, reverse=True):
            self._by_rule.setdefault(waiver.rule, []).append((path, waiver, frozenset(waiver.scope)))

    def answer(self, rule: str, subject: Subject) -> Answer:
        """Who answers for a violation of that rule by a subject's objects."""
        if rule not in self._by_rule:
            return Answer()
        covering = covering_scopes(subject)
        for path, waiver, scope in self._by_rule[rule]:
            if not covering.isdisjoint(scope):
                return Answer(holds=path) if self._today < waiver.expires else Answer(lapsed=path)
        return Answer()

    def relied_on(self, rule: str, subject: Subject) -> set[tuple[str, str]]:
        """The (file, scope) of all waivers that cover a violation, whether they hold or have ended."""
        covering = covering_scopes(subject)
        return {(path, one) for path, _, scope in self._by_rule.get(rule, ()) for one in scope & covering}


def lapsed_reason(path: str, waiver: Waiver) -> str:
    """Why a change of what relies on a waiver that ended is not taken, and the way out."""
    return (
        f"it relies on the waiver {path} of the rule {waiver.rule}, which ended on {waiver.expires}: keep the rule, or "
        f"ask {waiver.owner} to renew the waiver"
    )


def waiver_findings(catalog: Catalog, today: str, rules: Iterable[str]) -> list[Finding]:
    """What is wrong with waivers that can be said without a look at the agents. `rules` are the ids of all rules."""
    ids = set(rules)
    says = _Says(catalog, date.fromisoformat(today))
    findings: list[Finding] = []
    for path, waiver in catalog.waivers.items():
        if not waiver.foreign and waiver.rule not in ids:
            message = f"there is no rule {waiver.rule!r}.{nearest(waiver.rule, ids)}"
            findings.append(says.finding(path, ("rule",), "unknown-rule", message))
        findings += [*says.when(path, waiver), *says.named(path, waiver)]
    return findings + list(says.twice())


def unused_findings(
    catalog: Catalog,
    rules: Collection[str],
    agents: Collection[str],
    images: Collection[str],
    relied: Collection[tuple[str, str]],
) -> list[Finding]:
    """Scopes that match nothing, and waivers that nothing relies on any more: warnings, at the scope.

    `rules` are the ids of all rules, `agents` the keys of all definitions, `images` the references that they run,
    `relied` what `Waivers.relied_on` said of every violation. All of them of the whole fleet, in all environments.
    These are warnings because an agent may be removed, or mended, by its owners alone.
    """
    says = _Says(catalog, date.min)
    return [
        finding
        for path, waiver in catalog.waivers.items()
        if waiver.rule in rules
        for finding in says.unused(path, waiver, agents, images, relied)
    ]


class _Says:
    def __init__(self, catalog: Catalog, today: date) -> None:
        self.catalog = catalog
        self.today = today

    def finding(self, path: str, at: KeyPath, rule: str, message: str, severity: Severity = "error") -> Finding:
        line, column = self.catalog.documents[path].place(at)
        return Finding(path, line, column, rule, message, severity)

    def when(self, path: str, waiver: Waiver) -> Iterator[Finding]:
        left = (date.fromisoformat(waiver.expires) - self.today).days
        covered = f"{waiver.rule} for {_few(waiver.scope)}"
        if left <= 0:
            until = f"until it keeps the rule or {waiver.owner} renews the waiver"
            then = f"What relies on it stays as it is, and no change of it is taken {until}"
            if waiver.foreign:
                then = f"What the scanner finds counts again {until}"
            message = f"the waiver of {covered} ended on {waiver.expires}. {then}"
            yield self.finding(path, ("expires",), "waiver-expired", message, "warning")
        elif left <= NOTICE_DAYS:
            then = "what the scanner finds counts" if waiver.foreign else "no change of what relies on it is taken"
            when = f"on {waiver.expires}, in {left} day{'s' * (left != 1)}"
            message = f"the waiver of {covered} ends {when}. From then on {then}; {waiver.owner} answers for it"
            yield self.finding(path, ("expires",), "waiver-ends", message, "warning")
        elif left > LONGEST_DAYS:
            latest = self.today + timedelta(days=LONGEST_DAYS)
            message = f"a waiver ends within twelve months, on {latest} at the latest, so that somebody looks again"
            yield self.finding(path, ("expires",), "waiver-too-long", message)

    def named(self, path: str, waiver: Waiver) -> Iterator[Finding]:
        """Pools and runtimes are the catalog's own, as the waivers are: a name that it does not have is a slip."""
        for index, scope in enumerate(waiver.scope):
            kind, name = _named(scope)
            known = self.catalog.entries.get(kind, {})
            if kind and name not in known:
                message = f"the scope {scope} matches nothing: there is no {kind[:-1]} {name!r}.{nearest(name, known)}"
                yield self.finding(path, ("scope", index), "waiver-scope", message)

    def twice(self) -> Iterator[Finding]:
        """Two that hold for the same: it is not clear then which end counts."""
        first: dict[tuple[str, str], str] = {}
        holding = [
            (path, waiver)
            for path, waiver in self.catalog.waivers.items()
            if self.today < date.fromisoformat(waiver.expires)
        ]
        for path, waiver in holding:
            for scope in waiver.scope:
                first.setdefault((waiver.rule, scope), path)
        for path, waiver in holding:
            for index, scope in enumerate(waiver.scope):
                other = first[waiver.rule, scope]
                whole = first.get((waiver.rule, f"{scope.partition('/')[0]}/*"), "")
                if other != path or scope in waiver.scope[:index]:
                    message = f"{other} waives {waiver.rule} for {scope} too; keep one of them, so that one end counts"
                elif whole and not scope.endswith("/*"):
                    message = f"{whole} waives {waiver.rule} for the whole pool; {scope} needs no waiver of its own"
                else:
                    continue
                yield self.finding(path, ("scope", index), "waiver-twice", message, "warning")

    def unused(
        self,
        path: str,
        waiver: Waiver,
        agents: Collection[str],
        images: Collection[str],
        relied: Collection[tuple[str, str]],
    ) -> Iterator[Finding]:
        served = {scope for file, scope in relied if file == path}
        if not served and all(self._there(scope, agents, images) for scope in waiver.scope):
            message = f"nothing relies on this waiver of {waiver.rule} any more; remove the file"
            yield self.finding(path, ("rule",), "waiver-unused", message, "warning")
            return
        for index, scope in enumerate(waiver.scope):
            if not self._there(scope, agents, images):
                near = nearest(scope, agents) if "/" in scope and ":" not in scope else ""
                what = "no agent runs that image" if scope.startswith("image:") else "there is no such agent"
                message = f"the scope {scope} matches nothing: {what}.{near}"
                yield self.finding(path, ("scope", index), "waiver-scope", message, "warning")
            elif scope not in served and self._known(scope):
                message = f"nothing relies on the scope {scope} of this waiver any more; take it out"
                yield self.finding(path, ("scope", index), "waiver-unused", message, "warning")

    def _known(self, scope: str) -> bool:
        kind, name = _named(scope)
        return not kind or name in self.catalog.entries.get(kind, {})

    def _there(self, scope: str, agents: Collection[str], images: Collection[str]) -> bool:
        if scope == PLATFORM:
            return True
        if scope.startswith("image:"):
            return scope.removeprefix("image:") in images
        # A pool or runtime that does not exist is said elsewhere, as an error.
        return bool(_named(scope)[0]) or scope in agents


def _named(scope: str) -> tuple[str, str]:
    """The catalog's kind and the name that a scope gives; empty for agents and images."""
    if scope.startswith("runtime:"):
        return "runtimes", scope.removeprefix("runtime:")
    return ("pools", scope.removesuffix("/*")) if scope.endswith("/*") else ("", "")


def _few(scope: list[str]) -> str:
    return ", ".join(scope[:3]) + (f" and {len(scope) - 3} more" if len(scope) > 3 else "")
