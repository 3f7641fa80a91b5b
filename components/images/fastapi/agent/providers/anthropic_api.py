"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import anthropic
import httpx2
from anthropic.types import MessageParam

from agent.budget import Usage, estimated
from agent.providers.base import (
    MALFORMED,
    NO_ANSWER,
    Answer,
    ProviderError,
    broken,
    from_status,
    text_of,
    timed_out,
    usage_of,
)
from agent.settings import Settings

BASE_URL = "https://api.anthropic.com"
STOPS = {"end_turn": "end", "stop_sequence": "end", "max_tokens": "max_tokens", "refusal": "refusal"}


class AnthropicProvider:
    """One model with its key."""

    def __init__(self, settings: Settings, key: str, client: httpx2.AsyncClient) -> None:
        timeouts = settings.service.timeouts
        self.seconds = timeouts.provider_seconds
        self.sdk = anthropic.AsyncAnthropic(
            api_key=key,
            base_url=settings.provider.base_url or BASE_URL,
            timeout=httpx2.Timeout(self.seconds, connect=min(5.0, self.seconds)),
            max_retries=timeouts.attempts - 1,
            http_client=client,
            open_telemetry=False,
        )
        self.arguments: dict[str, Any] = {"model": settings.model.name, "max_tokens": settings.model.max_tokens}
        if settings.model.temperature is not None:
            # API version 2026-10-21, and with it the SDK since 2.0, has no temperature any more; the one before has.
            self.arguments["extra_body"] = {"temperature": settings.model.temperature}
            self.arguments["extra_headers"] = {"anthropic-version": "2023-06-01"}

    def _asked(self, system: str, text: str) -> dict[str, Any]:
        message: MessageParam = {"role": "user", "content": text}
        asked = {**self.arguments, "messages": [message]}
        return {**asked, "system": system} if system else asked

    async def answer(self, system: str, text: str) -> Answer:
        """As `Provider.answer`."""
        try:
            message = await self.sdk.messages.create(**self._asked(system, text))
        except Exception as error:
            raise self._meant(error) from None
        try:
            said = "".join(block.text for block in message.content if block.type == "text")
            usage = _usage(message.usage) or estimated(len(system) + len(text), len(said))
            return Answer(said, usage, STOPS.get(message.stop_reason or "", "other"))
        except MALFORMED as error:
            raise broken(NO_ANSWER, error) from None

    async def stream(self, system: str, text: str) -> AsyncGenerator[str | Answer]:
        """As `Provider.stream`."""
        used_in: object = None
        used_out: object = None
        said = 0
        stop: str | None = None
        ended = False
        try:
            events = await self.sdk.messages.create(stream=True, **self._asked(system, text))
        except Exception as error:
            raise self._meant(error) from None
        try:
            async with events:
                async for event in events:
                    if event.type == "content_block_delta" and event.delta.type == "text_delta":
                        if piece := text_of(event.delta.text):
                            said += len(piece)
                            yield piece
                    elif event.type == "message_start":
                        used_in = getattr(event.message.usage, "input_tokens", None)
                    elif event.type == "message_delta":
                        stop = text_of(event.delta.stop_reason or "")
                        used_out = getattr(event.usage, "output_tokens", None)
                    elif event.type == "message_stop":
                        ended = True
        except MALFORMED as error:
            raise broken(NO_ANSWER, error) from None
        except Exception as error:
            raise self._meant(error) from None
        if not ended:
            raise broken("ended its answer early")
        usage = usage_of(used_in, used_out) or estimated(len(system) + len(text), said)
        yield Answer("", usage, STOPS.get(stop or "", "other"))

    async def flagged(self, text: str) -> frozenset[str]:
        """This API has no moderation."""
        raise LookupError

    def _meant(self, error: Exception) -> Exception:
        match error:
            case ProviderError():
                return error
            case anthropic.APITimeoutError() | httpx2.TimeoutException():
                return timed_out(self.seconds)
            case anthropic.APIStatusError():
                headers = error.response.headers
                return from_status(error.status_code, error.body, error.request_id, headers.get("retry-after"))
            case anthropic.APIConnectionError():
                return broken("cannot be reached", error.__cause__)
        # The SDK trips over answers of another shape in many ways.
        return broken(NO_ANSWER, error)


def _usage(counted: object) -> Usage | None:
    return usage_of(getattr(counted, "input_tokens", None), getattr(counted, "output_tokens", None))
