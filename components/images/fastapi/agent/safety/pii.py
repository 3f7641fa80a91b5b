"""Personal data in a text: where it stands, and of which kind."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from agent.safety.numbers import cards, ibans, social_security
from agent.safety.patterns import matches, reach
from agent.safety.settings import SafetySettings
from agent.safety.telephone import telephones
from agent.safety.verdict import Span, apart

# RFC 5321: 64 characters before the @, labels of 63. What goes on with a bracket is code, git@ a clone address.
_LOCAL = r"\w.!#$%&'*+/=?^`{|}~-"
_LABEL = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_EMAIL = re.compile(
    rf"(?<![{_LOCAL}])(?!git@)[{_LOCAL}]{{1,64}}@(?:{_LABEL}\.){{1,8}}[^\W\d_]{{2,63}}(?![\w(])(?!-\w)(?!\.[\w])"
)
_BEFORE = re.compile(rf"[{_LOCAL}]*\Z")
_WRAPPED = "'`/=|{~!#$%&*^"


def emails(text: str, start: int = 0) -> Iterator[Span]:
    """Email addresses, international ones included."""
    if "@" not in text:
        return
    # One that begins behind `start` may have its quotes, and so its match, before it.
    before = _BEFORE.search(text, max(0, start - 64), start)
    for found in _EMAIL.finditer(text, before.start() if before else start):
        # What quotes and lists put before an address is allowed in it, but not meant.
        local = found.group().partition("@")[0]
        bare = re.split(r"[=|/'`{]", local)[-1].lstrip(_WRAPPED)
        begin = found.start() + len(local) - len(bare)
        if bare and begin >= start:
            yield Span(begin, found.end(), "email")


# Every kind has one of these.
_NEEDED = re.compile("[0-9@]")
_KINDS: Mapping[str, Callable[[str, int], Iterator[Span]]] = {
    "email": emails,
    "card": cards,
    "ssn": social_security,
    "phone": telephones,
}
"""In the order in which they win over each other."""


class PersonalData:
    """Finds the kinds that the settings name."""

    def __init__(self, settings: SafetySettings) -> None:
        self.kinds = [find for kind, find in _KINDS.items() if kind in settings.pii_kinds]
        self.own = settings.compiled()
        self.reach = max((reach(pattern) for pattern in settings.pii_patterns.values()), default=0)
        """How far the settings' own patterns look ahead, in characters."""

    def find(self, text: str, start: int = 0) -> list[Span]:
        """Spans that begin at `start` or behind it, in order, without overlaps; what is before is context."""
        taken: list[Span] = []
        for name, pattern in self.own.items():
            own = [Span(begin, end, name) for begin, end in matches(pattern, text, start)]
            taken += _free(own, taken)
        if self.kinds and _NEEDED.search(text, start):
            taken += [Span(begin, end, "") for begin, end in ibans(text)]
            for find in self.kinds:
                taken += _free(apart(find(text, start)), taken)
        return sorted((span for span in taken if span.kind), key=lambda span: span.start)


def _free(spans: list[Span], taken: list[Span]) -> list[Span]:
    """Those that overlap none of the taken ones."""
    ordered = sorted(taken, key=lambda span: span.start)
    free, at = [], 0
    for span in spans:
        while at < len(ordered) and ordered[at].end <= span.start:
            at += 1
        if at == len(ordered) or ordered[at].start >= span.end:
            free.append(span)
    return free
