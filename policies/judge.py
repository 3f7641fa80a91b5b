"""Holds manifests against every rule, and violations against the waivers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from components.definition.catalog import Waiver
from components.definition.findings import Finding, nearest
from components.definition.load_catalog import Catalog
from components.resolve.resolved import ResolvedAgent
from policies.rule import Manifest, Rule, Violation
from policies.rules import RULES


class Policies:
    """All rules, with the waivers that hold on a day. `today` is an ISO date: there is no clock in here."""

    def __init__(self, waivers: Mapping[str, Waiver], today: str, rules: Iterable[Rule] = RULES) -> None:
        self._by_kind: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules:
            for kind in rule.kinds:
                self._by_kind[kind].append(rule)
        self._waivers = {path: waiver for path, waiver in waivers.items() if today < waiver.expires}

    def judge(self, manifests: Iterable[Manifest], agent: ResolvedAgent | None) -> list[Violation]:
        """Every violation of an agent's manifests, or with None of a pool's; waived ones say by which file."""
        return [
            Violation(rule, manifest["kind"], manifest["metadata"]["name"], problem, self._waiver(rule, agent))
            for manifest in manifests
            for rule in self._by_kind.get(manifest["kind"], ())
            for problem in rule.judge(manifest, agent)
        ]

    def _waiver(self, rule: Rule, agent: ResolvedAgent | None) -> str:
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
