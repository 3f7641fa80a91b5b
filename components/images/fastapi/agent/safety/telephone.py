"""Telephone numbers: international (E.164), North American, national with a leading 0, and plain ones behind a word.

Digits alone are no telephone number: most are orders, tickets, times. So each form needs a sign of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agent.safety.numbers import SEPARATORS
from agent.safety.verdict import Span

_SEPARATOR = f"[{SEPARATORS}.]"
_ALONE = r"(?<![\w+#.,:/-])"
_END = rf"(?![\w])(?!{_SEPARATOR}[0-9])"

_INTERNATIONAL = re.compile(
    rf"(?<![\w+])\+[1-9](?:[0-9]|{_SEPARATOR}(?=[0-9(])(?![12][0-9]{{3}}-[01][0-9])|\((?=[0-9]{{1,5}}\))|\)(?={_SEPARATOR}?[0-9])){{6,24}}"
    r"(?<=[0-9])(?!\w)"
)
_NORTH_AMERICAN = re.compile(
    rf"{_ALONE}(?:1{_SEPARATOR})?(?:\([2-9][0-9]{{2}}\){_SEPARATOR}?|[2-9][0-9]{{2}}(?P<between>{_SEPARATOR}))"
    rf"[0-9]{{3}}(?(between)(?P=between)|{_SEPARATOR})[0-9]{{4}}{_END}"
)
_NATIONAL = re.compile(
    rf"{_ALONE}(?:\(0[1-9][0-9]{{1,4}}\)|0[1-9][0-9]{{0,4}})(?:{_SEPARATOR}|/)[0-9]{{2,8}}"
    rf"(?:(?P<between>{_SEPARATOR})[0-9]{{2,4}}(?:(?P=between)[0-9]{{2,4}}){{0,3}})?{_END}"
)
# 00, with which many countries dial abroad, and the country's code apart from the rest.
_DIALLED = re.compile(rf"{_ALONE}00[1-9][0-9]{{0,2}}(?:{_SEPARATOR}[0-9]{{1,9}}){{1,5}}{_END}")
_FORMS = ((_NORTH_AMERICAN, range(10, 12)), (_NATIONAL, range(9, 13)), (_DIALLED, range(10, 18)))
"""With how many digits each may have."""
_PLAIN = re.compile(rf"{_ALONE.replace(':', '')}\(?[0-9](?:[0-9]|[()]|{_SEPARATOR}(?=[0-9(])){{5,18}}(?<=[0-9])(?!\w)")
_NAMED = re.compile(
    r"\b(?:(?:tele)?phone|tel|mobile|cell|fax|whatsapp|sms|telefon|handy|tel[eé]fono|t[eé]l[eé]phone|call me)"
    r"(?: (?:number|no|nr|is|at|on|to|it's)){0,2}[\s.:#=\"]{0,4}\Z",
    re.IGNORECASE,
)
# What is named as something else is that, as long as no + says the contrary.
_OTHER = re.compile(
    r"\b(?:order|invoice|ticket|ref|reference|case|tracking|serial|part|sku|id|po|isbn|item|account|version)\b"
    r"(?: ?(?:number|no|nr|id|is))?[\s.:#=\"]{0,4}\Z",
    re.IGNORECASE,
)
_BEFORE = 40
_DIGITS = re.compile(r"[0-9]+")
_E164 = 15
_NORTH_AMERICAN_DIGITS = 11


def telephones(text: str, start: int = 0) -> Iterator[Span]:
    """Telephone numbers; spans of the different forms may overlap."""
    for found in _INTERNATIONAL.finditer(text, start):
        if end := _international_end(text, *found.span()):
            yield Span(found.start(), end, "phone")
    for form, digits in _FORMS:
        for found in form.finditer(text, start):
            if _count(found.group()) in digits and not _said(_OTHER, text, found.start()):
                yield Span(*found.span(), "phone")
    for found in _PLAIN.finditer(text, start):
        if 7 <= _count(found.group()) <= _E164 and _said(_NAMED, text, found.start()):
            yield Span(*found.span(), "phone")


def _international_end(text: str, start: int, end: int) -> int:
    """Where the number ends that begins here: other digits may stand behind it. 0 when there are too few."""
    most = _NORTH_AMERICAN_DIGITS if text[start + 1] == "1" else _E164
    groups = list(_DIGITS.finditer(text, start, end))
    while len(groups) > 1 and sum(len(group.group()) for group in groups) > most:
        groups.pop()
    count = sum(len(group.group()) for group in groups)
    # In one piece, eight digits behind a plus are more often a sum.
    least = 9 if len(groups) == 1 else 8
    return groups[-1].end() if least <= count <= _E164 else 0


def _count(number: str) -> int:
    return sum(sign in "0123456789" for sign in number)


def _said(words: re.Pattern[str], text: str, start: int) -> bool:
    before = text[max(0, start - _BEFORE) : start]
    # Without a letter there is no word, which is quick to see.
    return before.upper() != before.lower() and words.search(text, max(0, start - _BEFORE), start) is not None
