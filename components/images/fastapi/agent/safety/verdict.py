"""What a check found and what becomes of the text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Action = Literal["off", "log", "mask", "block"]


@dataclass(frozen=True, slots=True)
class Span:
    """Where something of a kind stands: text[start:end]."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Found:
    """One finding, without its text. `check`: pii, injection, moderation or output; `action`: log, mask or block."""

    check: str
    kind: str
    action: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The text to go on with, masked where the settings say so; `blocked`: the finding that forbids to go on."""

    text: str
    found: tuple[Found, ...]
    blocked: Found | None


def masked(text: str, spans: Iterable[Span]) -> str:
    """The text with each span replaced by its kind in brackets; spans are in order and don't overlap."""
    parts, done = [], 0
    for span in spans:
        parts += [text[done : span.start], mask_of(span)]
        done = span.end
    return "".join([*parts, text[done:]])


def mask_of(span: Span) -> str:
    """What stands in place of a span, such as [email]."""
    return f"[{span.kind}]"


def apart(spans: Iterable[Span]) -> list[Span]:
    """In order of the text, without overlaps: of two that overlap the one that starts first stays, or the longer."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
