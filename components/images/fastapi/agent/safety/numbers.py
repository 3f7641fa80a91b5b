"""Numbers that name a person: payment cards and US social security numbers. IBANs are told apart from them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from agent.safety.verdict import Span

# Spaces and dashes that people, and models, write within numbers.
SEPARATORS = " \\-\u00a0\u2007\u2009\u202f\u2010-\u2015"

_GROUP = re.compile(r"[0-9]+")
_RUN = re.compile(
    rf"(?<![0-9A-Za-z_+])(?<![0-9]\.)[0-9]{{3,19}}(?:[{SEPARATORS}][0-9]{{3,19}})*(?![0-9A-Za-z_])", re.ASCII
)
# ISO/IEC 7812: 2 and 5 Mastercard and Mir, 3 American Express, Diners, JCB, 4 Visa, 6 Discover, UnionPay, Maestro.
_CARD_STARTS = "23456"
_CARD_DIGITS = range(13, 20)
_DOUBLED = bytes.maketrans(b"0123456789", bytes(sum(divmod(2 * digit, 10)) for digit in range(10)))
_PLAIN = bytes.maketrans(b"0123456789", bytes(range(10)))

# Never given out: area 000, 666, 900-999, group 00, serial 0000 (ssa.gov, "Social Security Number Randomization").
_DASH = "[\\-\u2010-\u2015]"
_VALID_SSN = r"(?!000|666|9)[0-9]{3}(?P<dash>DASH)(?!00)[0-9]{2}(?P=dash)(?!0000)[0-9]{4}(?![\w-])(?!\.[0-9])"
_SSN = re.compile(r"(?<![\w-])(?<![0-9]\.)" + _VALID_SSN.replace("DASH", _DASH))
_NAMED_SSN = re.compile(r"(?<![\w-])" + _VALID_SSN.replace("DASH", f"[{SEPARATORS}]?"))
_SSN_NAME = re.compile(r"(?:\bssn\b|\bsocial security\b)[\w .:#=]{0,20}\Z", re.IGNORECASE)
_BEFORE = 40

_IBAN = re.compile(r"\b[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]{4}){2,7}(?:[ -]?[A-Z0-9]{1,3})?\b")


def cards(text: str, start: int = 0) -> Iterator[Span]:
    """Card numbers of 13 to 19 digits with a right check digit, in groups of three or more or in one."""
    for run in _RUN.finditer(text, start):
        groups = [found.span() for found in _GROUP.finditer(text, *run.span())]
        digits = "".join(text[begin:end] for begin, end in groups)
        if len(digits) < _CARD_DIGITS.start:
            continue
        ends = list(accumulate(end - begin for begin, end in groups))
        sums = _check_sums(digits)
        first = 0
        while first < len(groups):
            last = _card_end(digits, ends, first, sums)
            if last is not None:
                yield Span(groups[first][0], groups[last][1], "card")
                first = last
            first += 1


def _card_end(digits: str, ends: list[int], first: int, sums: tuple[list[int], list[int]]) -> int | None:
    """The last of the groups that are a card number together, from the first on; the most that are, None when none."""
    begin = ends[first - 1] if first else 0
    found = None
    if digits[begin] in _CARD_STARTS:
        for group in range(first, len(ends)):
            end = ends[group]
            if end - begin >= _CARD_DIGITS.stop:
                break
            fitting = sums[(end - 1) % 2]
            if end - begin in _CARD_DIGITS and (fitting[end] - fitting[begin]) % 10 == 0:
                found = group
    return found


def _check_sums(digits: str) -> tuple[list[int], list[int]]:
    """Sums up to each place as the check digit is made (Luhn; ISO/IEC 7812-1, annex B), for all numbers in a run.

    The last digit of a number counts as it is, the one before it doubled, and so on: the first list is for numbers
    whose last digit stands at an even place, the second for the others.
    """
    plain, doubled = digits.encode().translate(_PLAIN), digits.encode().translate(_DOUBLED)
    even, odd = bytearray(plain), bytearray(doubled)
    even[1::2], odd[1::2] = doubled[1::2], plain[1::2]
    return list(accumulate(even, initial=0)), list(accumulate(odd, initial=0))


def social_security(text: str, start: int = 0) -> Iterator[Span]:
    """US social security numbers: with dashes, or in any form behind the words for it."""
    for found in _SSN.finditer(text, start):
        yield Span(*found.span(), "ssn")
    if "ssn" in (lower := text.lower()) or "social security" in lower:
        for found in _NAMED_SSN.finditer(text, start):
            if _SSN_NAME.search(text, max(0, found.start() - _BEFORE), found.start()):
                yield Span(*found.span(), "ssn")


def ibans(text: str) -> Iterator[tuple[int, int]]:
    """International bank account numbers: their digits are neither a card nor a telephone number."""
    for found in _IBAN.finditer(text):
        plain = re.sub("[ -]", "", found.group())
        if int("".join(str(int(sign, 36)) for sign in plain[4:] + plain[:4])) % 97 == 1:
            yield found.span()
