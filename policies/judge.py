"""Holds manifests against every rule, and violations against the waivers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from components.definition.waiver import Waiver
from policies.manifest_reading import kind_of, name_of
from policies.rule import Judge, JudgeTogether, Manifest, Rule, Subject, Violation
from policies.rules import RULES
from policies.waivers import Waivers


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
        self.waivers = Waivers(waivers, today)

    def judge(self, manifests: Sequence[Manifest], subject: Subject) -> list[Violation]:
        """Every violation of a subject's manifests; waived ones say by which file, also when it has ended."""
        found = [
            (rule, manifest, problem)
            for manifest in manifests
            for rule, judge in self._by_kind.get(kind_of(manifest), ())
            for problem in judge(manifest, subject)
        ]
        found += [
            (rule, manifest, problem)
            for rule, together in self._together
            for manifest, problem in together(manifests, subject)
        ]
        return [self._violation(rule, manifest, problem, subject) for rule, manifest, problem in found]

    def _violation(self, rule: Rule, manifest: Manifest, problem: str, subject: Subject) -> Violation:
        answer = self.waivers.answer(rule.id, subject)
        return Violation(rule, kind_of(manifest), name_of(manifest), problem, answer.holds, answer.lapsed)
