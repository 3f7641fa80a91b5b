"""An answer in pieces, with its tokens, and how an API's module says it: what the wire formats have in common."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from ci.stand_in.behaviour import Behaviour

CHARACTERS_PER_TOKEN = 4

_WORD = re.compile(r"\S*\s*")


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is not answered: its HTTP status and, where it matters, what was wrong with it."""

    status: int
    message: str = ""
    field: str | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked: `text` is the last message of the user."""

    model: str
    text: str
    input_tokens: int
    max_tokens: int
    stream: bool
    with_usage: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said, as pieces that together are the text; cut off where the request's `max_tokens` ends."""

    pieces: tuple[str, ...]
    input_tokens: int
    output_tokens: int
    cut: bool


class Api(Protocol):
    """One provider's wire format; `identity` is the request's id."""

    id_header: bytes

    def key(self, headers: dict[bytes, bytes]) -> str:
        """The key from the headers; empty when there is none."""

    def read(self, headers: dict[bytes, bytes], body: Any) -> Question | Refusal:
        """What the headers and the parsed body ask, or what is wrong with them."""

    def whole(self, identity: str, question: Question, answer: Answer) -> dict[str, Any]:
        """The body of an answer in one."""

    def first(self, identity: str, question: Question, answer: Answer) -> bytes:
        """The events of a stream before its pieces."""

    def piece(self, identity: str, question: Question, text: str) -> bytes:
        """The event of one piece."""

    def last(self, identity: str, question: Question, answer: Answer) -> bytes:
        """The events after the pieces."""

    def error(self, refusal: Refusal, identity: str) -> dict[str, Any]:
        """The body of an error."""

    def stream_error(self, refusal: Refusal, identity: str) -> bytes:
        """The event of an error within a stream."""


def tokens(text: str) -> int:
    """A token is four characters: deterministic, and near enough to be plausible."""
    return -(-len(text) // CHARACTERS_PER_TOKEN)


def answer_to(question: Question, behaviour: Behaviour, echo: bool) -> Answer:
    """The answer by the behaviour; the pieces that a control request gave are said as they are."""
    given = behaviour.pieces
    if isinstance(given, tuple):
        pieces, cut = given, False
    else:
        text = question.text if echo or behaviour.echo else behaviour.answer
        most = question.max_tokens * CHARACTERS_PER_TOKEN
        cut = len(text) > most
        pieces = _pieces(text[:most], given)
    return Answer(pieces, question.input_tokens, tokens("".join(pieces)), cut)


@lru_cache(maxsize=256)
def _pieces(text: str, count: int) -> tuple[str, ...]:
    if not count:
        return tuple(_WORD.findall(text)[:-1]) or ("",)
    size = max(1, -(-len(text) // count))
    return tuple(text[start : start + size] for start in range(0, len(text), size)) or ("",)
