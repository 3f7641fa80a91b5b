"""What every provider does, and what its failures mean for the caller."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any, Protocol

from agent.budget import Usage
from agent.errors import ApiError, Code

NO_ANSWER = "sent something that is no answer"
# What reading an answer of another shape than published ends with.
MALFORMED = (AttributeError, TypeError, LookupError)
_WAIT = re.compile("[0-9]{1,5}")
_MOST_TOKENS = 10**9
_SAFE_TYPE = re.compile(r"[a-z][a-z0-9_]{0,60}")


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer. `stop_reason`: end, max_tokens (it is cut off), refusal, or other."""

    text: str
    usage: Usage
    stop_reason: str


class Provider(Protocol):
    """One model with its key."""

    async def answer(self, system: str, text: str) -> Answer:
        """The whole answer. ApiError PROVIDER_…"""

    def stream(self, system: str, text: str) -> AsyncGenerator[str | Answer]:
        """Pieces of text, then an Answer without text. ApiError PROVIDER_…"""

    async def flagged(self, text: str) -> frozenset[str]:
        """The categories that the provider's moderation finds in the text. LookupError when it has none."""


class ProviderError(ApiError):
    """A failure of the provider; `cause` is safe to log: the HTTP status, the provider's own type, its request id."""

    def __init__(
        self, code: Code, message: str, cause: dict[str, Any], *, status: int | None = None, wait: int | None = None
    ) -> None:
        super().__init__(code, message, {}, status=status, retry_after=wait)
        self.cause = cause


def usage_of(read: object, written: object) -> Usage | None:
    """What a provider counted; None when these are no numbers of tokens."""
    if type(read) is not int or type(written) is not int:
        return None
    return Usage(read, written) if 0 <= read < _MOST_TOKENS and 0 <= written < _MOST_TOKENS else None


def text_of(said: object) -> str:
    """A part of an answer. TypeError when it is no text."""
    if not isinstance(said, str):
        raise TypeError
    return said


def timed_out(seconds: float) -> ProviderError:
    """It took longer than is allowed, retries included."""
    return ProviderError(Code.PROVIDER_TIMEOUT, f"The model's provider did not answer in {seconds:g} s.", {})


def broken(what: str, error: BaseException | None = None) -> ProviderError:
    """The connection failed, or what came is no answer."""
    cause = {"error": type(error).__name__} if error else {}
    return ProviderError(Code.PROVIDER_ERROR, f"The model's provider {what}.", cause)


def from_status(status: int, body: object, request_id: str | None, retry_after: str | None) -> ProviderError:
    """An error answer. Its text is left out: providers repeat parts of the request and of the key in it."""
    cause: dict[str, Any] = {"provider_status": status, "provider_error": _type(body), "provider_request": request_id}
    if status in (401, 403):
        return ProviderError(
            Code.PROVIDER_REFUSED, "The model's provider refuses the agent's key; its operators have to act.", cause
        )
    if status == 402 or _type(body) in ("insufficient_quota", "billing_error"):
        return ProviderError(Code.PROVIDER_REFUSED, "The model's provider refuses: the account has no credit.", cause)
    if status in (429, 503, 529):
        wait = int(retry_after) if retry_after and _WAIT.fullmatch(retry_after) else 5
        message = "The model's provider is overloaded or limits the agent; retry later."
        return ProviderError(Code.PROVIDER_ERROR, message, cause, status=503, wait=wait)
    kind = "failed" if status >= 500 or status == 200 else "does not take the request"
    return ProviderError(Code.PROVIDER_ERROR, f"The model's provider {kind} ({status}, {_type(body)}).", cause)


def _type(body: object) -> str:
    """The provider's own name of the error, if it looks like one."""
    inner = body.get("error", body) if isinstance(body, dict) else None
    for name in ("code", "type"):
        value = inner.get(name) if isinstance(inner, dict) else None
        if isinstance(value, str) and _SAFE_TYPE.fullmatch(value):
            return value
    return "unknown"
