"""The checks in their order: personal data, injection, moderation; and personal data in what is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from agent.prompt import question
from agent.safety.injection import signs
from agent.safety.moderation import Moderate, ModerationError, Words, plain
from agent.safety.pii import PersonalData
from agent.safety.settings import SafetySettings
from agent.safety.stream import CHECK as OUTPUT
from agent.safety.stream import OutputMask
from agent.safety.values import length, rewritten
from agent.safety.verdict import Action, Found, Span, Verdict, masked

UNAVAILABLE = "unavailable"
LONG = 8000
"""Characters; a longer text is checked in a thread, so that other requests go on meanwhile."""


class Safety:
    """The safety layer with one agent's settings. `moderate` asks the provider, where `moderation_by` says so."""

    def __init__(self, settings: SafetySettings, moderate: Moderate | None = None) -> None:
        self.settings = settings
        self._moderate = moderate
        self._data = PersonalData(settings)
        self._words = Words(settings.words)

    async def check_input(self, task: str, context: Mapping[str, Any] | None = None) -> Verdict:
        """A task with its context; the verdict's text is what the model may be asked.

        The provider's moderation sees the text as masked, and is not asked about what is blocked already.
        """
        if length(task) + length(context) > LONG:
            verdict = await asyncio.to_thread(self._looked_through, task, context)
        else:
            verdict = self._looked_through(task, context)
        settings = self.settings
        if settings.moderation == "off" or settings.moderation_by != "provider" or verdict.blocked:
            return verdict
        return await self._moderated(verdict, settings.moderation)

    def _looked_through(self, task: str, context: Mapping[str, Any] | None) -> Verdict:
        """Each text of the context as it is, then all as the model sees it; what both find counts once."""
        found: Counter[Found] = Counter()
        blocked: Found | None = None

        def seen(text: str) -> str:
            nonlocal blocked
            if blocked is not None:
                return text
            verdict = self._judged_text(text)
            found.update(verdict.found)
            blocked = verdict.blocked
            return verdict.text

        if context and not self._is_off():
            context = rewritten(context, seen)
            if blocked is not None:
                return Verdict("", tuple(found.elements()), blocked)
        verdict = self._judged_text(question(task, context))
        if not found:
            return verdict
        whole = Counter(verdict.found)
        # What is masked is not there any more when the whole is looked at; what is only logged is.
        both = Counter(
            {
                one: found[one] + whole[one] if one.action == "mask" else max(found[one], whole[one])
                for one in found | whole
            }
        )
        return Verdict(verdict.text, tuple(both.elements()), verdict.blocked)

    def _is_off(self) -> bool:
        settings = self.settings
        by_words = settings.moderation != "off" and settings.moderation_by == "words"
        return settings.injection == settings.pii == "off" and not by_words

    def _judged_text(self, text: str) -> Verdict:
        settings = self.settings
        verdict = Verdict(text, (), None)
        if settings.injection != "off":
            # Before masks change the text; found first, so that it is not hidden by what it stands in.
            verdict = _judged(verdict, "injection", settings.injection, signs(text))
        if settings.pii != "off" and not verdict.blocked:
            verdict = _judged(verdict, "pii", settings.pii, self._data.find(verdict.text))
        if settings.moderation == "off" or settings.moderation_by == "provider" or verdict.blocked:
            return verdict
        folded = Verdict(plain(verdict.text), verdict.found, None)
        judged = _judged(folded, "moderation", settings.moderation, self._words.find(folded.text))
        return judged if judged.text != folded.text else Verdict(verdict.text, judged.found, judged.blocked)

    async def check_output(self, text: str) -> Verdict:
        """A whole answer."""
        verdict = Verdict(text, (), None)
        if self.settings.output == "off":
            return verdict
        find = self._data.find
        spans = find(text) if len(text) <= LONG else await asyncio.to_thread(find, text)
        return _judged(verdict, OUTPUT, self.settings.output, spans)

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
