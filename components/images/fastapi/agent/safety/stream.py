"""An answer that comes in pieces: what is sent on is what the whole would have become.

Held back is what may still become, or go on as, personal data: the last word, the numbers before it, and as many
characters as the settings' own patterns reach; never more than HELD.
"""

from __future__ import annotations

import re

from agent.safety.patterns import LONGEST
from agent.safety.pii import PersonalData
from agent.safety.verdict import Action, Found, Span, mask_of

HELD = LONGEST
"""Characters held back at most; longer than any email address or number."""
CONTEXT = 80
"""Characters that were sent and still say what those behind them are."""
CHECK = "output"

_OPEN = re.compile(r"\S*\Z")
# Number after number, each behind one space: "4111 1111 1111 " may go on.
_NUMBERS = re.compile(r"(?<!\S)[^\s]*[0-9)][^\s]{0,3}[^\S\n]\Z")
_GOES_ON = re.compile(r"[0-9(]|\Z")


class OutputMask:
    """Masks, counts or blocks personal data in an answer. `found` and `blocked` grow with what was fed."""

    def __init__(self, data: PersonalData, action: Action) -> None:
        self._data = data
        self._action = action
        self._text = ""
        self._sent = 0
        """How much of `_text` was sent and is kept as context."""
        self.found: tuple[Found, ...] = ()
        self.blocked: Found | None = None

    def feed(self, piece: str) -> str:
        """Takes the next piece; returns what is safe to send, which may be nothing yet."""
        if self._action == "off":
            return piece
        if self.blocked:
            return ""
        self._text += piece
        safe = self._settled(self._cut())
        return piece if self._action == "log" else safe

    def end(self) -> str:
        """What was held back, when no more pieces come."""
        if self._action == "off" or self.blocked:
            return ""
        rest = self._settled(len(self._text))
        return "" if self._action == "log" else rest

    def _cut(self) -> int:
        """Up to where nothing that comes later can change what the text is."""
        text = self._text
        least = max(self._sent, len(text) - HELD)
        # Never within a word: what stands before an address in the same word says where the address begins.
        settled = max(least, len(text) - self._data.reach)
        open_word = _OPEN.search(text, least, settled)
        cut = open_word.start() if open_word else settled
        if _GOES_ON.match(text, cut):
            while cut > least and (number := _NUMBERS.search(text, max(least, cut - 200), cut)):
                cut = number.start()
        return cut

    def _settled(self, cut: int) -> str:
        """Sends what is before the cut, or before what stands across it, and forgets what is no context any more."""
        done, parts = self._sent, []
        for span in self._data.find(self._text, self._sent):
            if span.end > cut and cut < len(self._text):
                cut = max(done, min(cut, span.start))
                break
            if span.start >= cut:
                break
            parts += [self._text[done : span.start], mask_of(span)]
            done = span.end
            if self._note(span):
                return ""
        parts.append(self._text[done:cut])
        kept = max(0, cut - CONTEXT)
        self._text, self._sent = self._text[kept:], cut - kept
        return "".join(parts)

    def _note(self, span: Span) -> bool:
        finding = Found(CHECK, span.kind, self._action)
        self.found += (finding,)
        if self._action == "block":
            self.blocked = finding
        return self.blocked is not None
