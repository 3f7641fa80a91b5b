"""Holds manifests against every rule, and violations against the waivers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from components.definition.findings import Finding, nearest
from components.definition.load_catalog import Catalog
from components.definition.waiver import Waiver
from policies.rule import Judge, JudgeTogether, Manifest, Rule, Subject, Violation
from policies.rules import RULES


class Policies:
    """All rules, with the waivers that hold on a day. `today` is an ISO date: there is no clock in here."""

    def __init__(self, waivers: Mapping[str, Waiver], today: str, rules: Iterable[Rule] = RULES) -> None:
        self._by_kind: dict[str, list[tuple[Rule, Judge]]] = defaultdict(list)
        self._together: list[tuple[Rule, JudgeTogether]] = []
        for rule in rules:
            if rule.together is not None:
                self._together.append((rule, rule.together))
            if rule.judge is not None:
                for kind in rule.kinds:
                    self._by_kind[kind].append((rule, rule.judge))
        self._waivers = {path: waiver for path, waiver in waivers.items() if today < waiver.expires}

    def judge(self, manifests: Sequence[Manifest], subject: Subject) -> list[Violation]:
        """Every violation of a subject's manifests; waived ones say by which file."""
        found = [
            (rule, manifest, problem)
            for manifest in manifests
            for rule, judge in self._by_kind.get(manifest["kind"], ())
            for problem in judge(manifest, subject)
        ]
        found += [
            (rule, manifest, problem)
            for rule, together in self._together
            for manifest, problem in together(manifests, subject)
        ]
        return [
            Violation(rule, manifest["kind"], manifest["metadata"]["name"], problem, self._waiver(rule, subject))
            for rule, manifest, problem in found
        ]

    def _waiver(self, rule: Rule, subject: Subject) -> str:
        agent = subject.agent
        if agent is None:
            return ""
        scopes = {agent.key, f"{agent.pool}/*", f"runtime:{agent.runtime}", f"image:{agent.image.reference}"}
        for path, waiver in self._waivers.items():
            if waiver.rule == rule.id and not scopes.isdisjoint(waiver.scope):
                return path
        return ""


def waiver_findings(catalog: Catalog, today: str, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """Waivers for rules that do not exist, and waivers that no longer hold."""
    ids = {rule.id for rule in rules}
    findings = []
    for path, waiver in catalog.waivers.items():
        document = catalog.documents[path]
        if waiver.rule not in ids:
            message = f"there is no rule {waiver.rule!r}.{nearest(waiver.rule, ids)}"
            findings.append(document.finding(("rule",), "unknown-rule", message))
        if today >= waiver.expires:
            line, column = document.place(("expires",))
            message = f"this waiver ended on {waiver.expires}; what relied on it is refused again"
            findings.append(Finding(path, line, column, "waiver-expired", message, "warning"))
    return findings
