"""Regular expressions that others write: how long they may take, and how far a match reaches.

Python's `re` tries the ways in which a pattern can match one after another, and has no time limit. So the ways are
counted before a pattern is taken, and texts are searched a window at a time.
"""

from __future__ import annotations

import re
import re._constants as sre  # type: ignore[import-not-found, unused-ignore]
import re._parser as parser  # type: ignore[import-not-found, unused-ignore]
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

WINDOW = 4096
LONGEST = 512
"""Longest match in characters that is surely found across two windows or two pieces of a stream."""
MOST_WAYS = 5000
"""At each place of a text; one unbounded repeat comes to as many, two bounded ones to their product."""

_REPEATS = {sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT}


def wrong_with(pattern: str) -> str:
    """What speaks against a pattern, in words; empty when nothing does."""
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        return f"this is no regular expression: {error}"
    if compiled.match(""):
        return "this matches an empty text, and so everywhere"
    if ways(pattern) > MOST_WAYS:
        return "this could search for minutes on some texts: bound its repeats, such as {1,20} in place of +"
    return ""


def ways(pattern: str) -> int:
    """An upper bound of the ways in which a pattern can be tried at one place; at most MOST_WAYS + 1."""
    return _sequence(parser.parse(pattern))


@lru_cache(maxsize=256)
def reach(pattern: str) -> int:
    """Characters that a match can have and look ahead at, at most LONGEST."""
    return int(min(parser.parse(pattern).getwidth()[1] + 1, LONGEST))


def matches(pattern: re.Pattern[str], text: str, start: int = 0) -> Iterator[tuple[int, int]]:
    """Where a pattern matches from `start` on. In a long text, matches beyond LONGEST may be found in part or not."""
    while True:
        end = min(len(text), start + WINDOW)
        last = end == len(text)
        resume = end - LONGEST
        for found in pattern.finditer(text, start, end):
            if not last and found.start() >= resume:
                # What begins here may go on behind the window.
                break
            resume = max(resume, found.end())
            if found.end() > found.start():
                yield found.span()
        if last:
            return
        start = resume


def _sequence(items: Any) -> int:
    total = 1
    for kind, argument in items:
        total = _capped(total * _item(kind, argument))
    return total


def _item(kind: Any, argument: Any) -> int:
    if kind in _REPEATS:
        return _repeat(*argument)
    if kind is sre.BRANCH:
        return _capped(sum(_sequence(branch) for branch in argument[1]))
    if kind is sre.SUBPATTERN:
        return _sequence(argument[3])
    if kind is sre.ATOMIC_GROUP:
        return _sequence(argument)
    if kind in (sre.ASSERT, sre.ASSERT_NOT):
        return _sequence(argument[1])
    if kind is sre.GROUPREF_EXISTS:
        return _capped(sum(_sequence(branch) for branch in argument[1:] if branch))
    return 1


def _repeat(least: int, most: Any, body: Any) -> int:
    each = _sequence(body)
    if each == 1:
        return _capped(int(min(most, MOST_WAYS + least - 1)) - least + 1)
    total, power = 0, _capped(each ** min(least, 20))
    for _ in range(least, int(min(most, least + MOST_WAYS)) + 1):
        total += power
        power = _capped(power * each)
        if total > MOST_WAYS:
            break
    return _capped(total)


def _capped(count: int) -> int:
    return min(count, MOST_WAYS + 1)
