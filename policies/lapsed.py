"""What relies on a waiver that has ended: no change of it is applied until it keeps the rule again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.definition.waiver import Waiver
from policies.judge import Policies
from policies.rule import Manifest, Subject
from policies.rules import RULES
from policies.waivers import covering_scopes, lapsed_reason


class Lapsed:
    """The waivers that have ended on a day, an ISO date; none have on an empty one."""

    def __init__(self, waivers: Mapping[str, Waiver], today: str) -> None:
        ended = [waiver for waiver in waivers.values() if waiver.expires <= today]
        named = {waiver.rule for waiver in ended}
        self._waivers = waivers
        self._scopes = {scope for waiver in ended for scope in waiver.scope}
        self._policies = Policies(waivers, today, [rule for rule in RULES if rule.id in named])

    def why(self, subject: Subject, manifests: Sequence[Manifest]) -> str:
        """Why no change of the subject's objects may be applied; empty when it may.

        What no ended waiver names is not judged.
        """
        if self._scopes.isdisjoint(covering_scopes(subject)):
            return ""
        for violation in self._policies.judge(manifests, subject):
            if violation.lapsed:
                return lapsed_reason(violation.lapsed, self._waivers[violation.lapsed])
        return ""
