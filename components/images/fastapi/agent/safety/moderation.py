"""Content that is not wanted: by a list of words, or as the provider judges."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Awaitable, Callable, Iterable

from agent.safety.verdict import Span, apart

Moderate = Callable[[str], Awaitable[frozenset[str]]]
"""Asks the provider which categories a text falls into; empty when none. Raises ModerationError."""

KIND = "word"

_TOKEN = re.compile(r"\w+")
# Scripts that put no space between words: Thai to Myanmar, Khmer, kana, Chinese characters and their extensions.
_UNSPACED = re.compile(
    "[\u0e00-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)


class ModerationError(Exception):
    """The provider's judgement is not to be had."""


class Words:
    """A list of words and phrases; case, accents' encoding and the white space between words make no difference."""

    def __init__(self, words: Iterable[str]) -> None:
        # By the first token, so that a long list costs no more than a short one.
        self._by_token: dict[str, list[re.Pattern[str]]] = {}
        anywhere = []
        for word in {plain(one).casefold().strip() for one in words} - {""}:
            pattern = r"\s{1,9}".join(re.escape(part) for part in word.split())
            token = _TOKEN.match(word)
            if token and not _UNSPACED.search(word):
                self._by_token.setdefault(token.group(), []).append(re.compile(pattern + r"(?!\w)"))
            else:
                anywhere.append(pattern)
        self._anywhere = re.compile("|".join(sorted(anywhere, key=len, reverse=True))) if anywhere else None

    def find(self, text: str) -> list[Span]:
        """Where they stand in a text that `plain` has made."""
        folded, places = _folded(text)
        spans = []
        for token in _TOKEN.finditer(folded):
            for pattern in self._by_token.get(token.group(), ()):
                if found := pattern.match(folded, token.start()):
                    spans.append(found.span())
        if self._anywhere:
            spans += [found.span() for found in self._anywhere.finditer(folded)]
        return apart(Span(places[start], places[end - 1] + 1, KIND) for start, end in spans)


def plain(text: str) -> str:
    """The text with each accented letter in its one-character form (NFC), in which words are compared."""
    return text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)


def _folded(text: str) -> tuple[str, range | list[int]]:
    """Without case, and for each character where in the text it comes from: some become two."""
    folded = text.casefold()
    if len(folded) == len(text):
        return folded, range(len(text))
    parts = [sign.casefold() for sign in text]
    return folded, [place for place, part in enumerate(parts) for _ in part]
