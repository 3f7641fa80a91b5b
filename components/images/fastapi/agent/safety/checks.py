"""The checks in their order: personal data, injection, moderation; and personal data in what is answered."""

from __future__ import annotations

from collections.abc import Iterable

from agent.safety.injection import signs
from agent.safety.moderation import Moderate, ModerationError, Words, plain
from agent.safety.pii import PersonalData
from agent.safety.settings import SafetySettings
from agent.safety.stream import CHECK as OUTPUT
from agent.safety.stream import OutputMask
from agent.safety.verdict import Action, Found, Span, Verdict, masked

UNAVAILABLE = "unavailable"


class Safety:
    """The safety layer with one agent's settings. `moderate` asks the provider, where `moderation_by` says so."""

    def __init__(self, settings: SafetySettings, moderate: Moderate | None = None) -> None:
        self.settings = settings
        self._moderate = moderate
        self._data = PersonalData(settings)
        self._words = Words(settings.words)

    async def check_input(self, text: str) -> Verdict:
        """A task. The provider's moderation sees the text as masked, and is not asked about what is blocked already."""
        settings = self.settings
        verdict = Verdict(text, (), None)
        if settings.injection != "off":
            # Before masks change the text; found first, so that it is not hidden by what it stands in.
            verdict = _judged(verdict, "injection", settings.injection, signs(text))
        if settings.pii != "off" and not verdict.blocked:
            verdict = _judged(verdict, "pii", settings.pii, self._data.find(verdict.text))
        if settings.moderation == "off" or verdict.blocked:
            return verdict
        if settings.moderation_by == "provider":
            return await self._moderated(verdict, settings.moderation)
        folded = Verdict(plain(verdict.text), verdict.found, None)
        judged = _judged(folded, "moderation", settings.moderation, self._words.find(folded.text))
        return judged if judged.text != folded.text else Verdict(verdict.text, judged.found, judged.blocked)

    async def check_output(self, text: str) -> Verdict:
        """A whole answer."""
        verdict = Verdict(text, (), None)
        if self.settings.output == "off":
            return verdict
        return _judged(verdict, OUTPUT, self.settings.output, self._data.find(text))

    def stream(self) -> OutputMask:
        """For one answer that comes in pieces."""
        return OutputMask(self._data, self.settings.output)

    async def _moderated(self, verdict: Verdict, action: Action) -> Verdict:
        # A judgement has no place in the text that could be masked.
        action = "block" if action == "mask" else action
        try:
            if self._moderate is None:
                raise ModerationError("no provider was given")
            kinds = sorted(await self._moderate(verdict.text))
        except ModerationError:
            kinds = [UNAVAILABLE]
        found = tuple(Found("moderation", kind, action) for kind in kinds)
        return Verdict(verdict.text, verdict.found + found, found[0] if found and action == "block" else None)


def _judged(verdict: Verdict, check: str, action: Action, spans: Iterable[Span]) -> Verdict:
    spans = list(spans)
    if not spans:
        return verdict
    found = tuple(Found(check, span.kind, action) for span in spans)
    if action == "block":
        return Verdict(verdict.text, verdict.found + found, found[0])
    text = masked(verdict.text, spans) if action == "mask" else verdict.text
    return Verdict(text, verdict.found + found, None)
