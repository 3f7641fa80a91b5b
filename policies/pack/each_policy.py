"""Each rule as one policy of the pack."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel, ReportViolation, ResourceValidationArgs, ResourceValidationPolicy, Severity

from policies.pack.judged import ENDED, KEPT, PackJudge
from policies.rules import RULES

# Told, and in nobody's way.
ADVICE = {
    KEPT: "What was applied earlier and is kept does not keep a rule that came later. The next change of it must.",
    ENDED: "What relies on a waiver that has ended stays as it is. Keep the rule, or have the waiver renewed.",
}


def each_policy(judge: PackJudge) -> Iterator[ResourceValidationPolicy]:
    """All policies; the number of each in the pack is its turn."""
    turn = 0
    for rule in RULES:
        mandatory = rule.severity == "error"
        level = EnforcementLevel.MANDATORY if mandatory else EnforcementLevel.ADVISORY
        severity = Severity.HIGH if mandatory else Severity.LOW
        yield _Policy(judge, turn, rule.id, f"{rule.why} {rule.fix}", level, severity)
        turn += 1
    for name, description in ADVICE.items():
        yield _Policy(judge, turn, name, description, EnforcementLevel.ADVISORY, Severity.LOW)
        turn += 1


class _Policy(ResourceValidationPolicy):
    """Asked only of resources of which it has something to say, and of each resource's first one, which judges it.

    Before it asks a policy, pulumi_policy makes Python of the whole resource: a hundred times over, that was more than
    four fifths of what the pack took.
    """

    def __init__(
        self, judge: PackJudge, turn: int, name: str, description: str, level: EnforcementLevel, severity: Severity
    ) -> None:
        super().__init__(name, description, enforcement_level=level, severity=severity)
        self._judge = judge
        self._turn = turn

    def has_validation(self) -> bool:
        return self._judge.wants(self.name, self._turn)

    def validate(self, args: ResourceValidationArgs, report_violation: ReportViolation) -> None:
        for verdict in self._judge.verdicts(args.urn, args.resource_type, args.props):
            if verdict.policy == self.name:
                report_violation(verdict.message, None)
