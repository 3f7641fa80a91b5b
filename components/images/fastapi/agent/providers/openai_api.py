"""OpenAI's Chat Completions API, and the many servers that speak it."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx2
import openai

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

BASE_URL = "https://api.openai.com/v1"
NEWER_MODELS = re.compile(r"(.*/)?(o[1-9]|gpt-[5-9])")
MODERATION_MODEL = "omni-moderation-latest"
STOPS = {"stop": "end", "length": "max_tokens", "content_filter": "refusal"}


class OpenAiProvider:
    """One model with its key."""

    def __init__(self, settings: Settings, key: str, client: httpx2.AsyncClient) -> None:
        timeouts = settings.service.timeouts
        self.seconds = timeouts.provider_seconds
        base_url = settings.provider.base_url
        self.sdk = openai.AsyncOpenAI(
            api_key=key,
            base_url=base_url or BASE_URL,
            timeout=httpx2.Timeout(self.seconds, connect=min(5.0, self.seconds)),
            max_retries=timeouts.attempts - 1,
            http_client=client,
        )
        # OpenAI's newer models refuse the old name; many other servers know only the old one.
        renamed = base_url is None or NEWER_MODELS.match(settings.model.name)
        limit = "max_completion_tokens" if renamed else "max_tokens"
        self.arguments: dict[str, Any] = {"model": settings.model.name, limit: settings.model.max_tokens}
        if settings.model.temperature is not None:
            self.arguments["temperature"] = settings.model.temperature

    def _asked(self, system: str, text: str) -> dict[str, Any]:
        messages = [{"role": "system", "content": system}] if system else []
        return {**self.arguments, "messages": [*messages, {"role": "user", "content": text}]}

    async def answer(self, system: str, text: str) -> Answer:
        """As `Provider.answer`."""
        try:
            done = await self.sdk.chat.completions.create(**self._asked(system, text))
        except Exception as error:
            raise self._meant(error) from None
        try:
            choice = done.choices[0]
            said = text_of(choice.message.content or choice.message.refusal or "")
            usage = _usage(done.usage) or estimated(len(system) + len(text), len(said))
            stop = "refusal" if choice.message.refusal else STOPS.get(choice.finish_reason, "other")
            return Answer(said, usage, stop)
        except MALFORMED as error:
            raise broken(NO_ANSWER, error) from None

    async def stream(self, system: str, text: str) -> AsyncGenerator[str | Answer]:
        """As `Provider.stream`."""
        usage: Usage | None = None
        stop: str | None = None
        said = 0
        try:
            chunks = await self.sdk.chat.completions.create(
                stream=True, stream_options={"include_usage": True}, **self._asked(system, text)
            )
        except Exception as error:
            raise self._meant(error) from None
        try:
            async with chunks:
                async for chunk in chunks:
                    usage = _usage(chunk.usage) or usage
                    for choice in chunk.choices:
                        stop = text_of(choice.finish_reason or stop or "") or None
                        if piece := text_of(choice.delta.content or choice.delta.refusal or ""):
                            said += len(piece)
                            yield piece
        except MALFORMED as error:
            raise broken(NO_ANSWER, error) from None
        except Exception as error:
            raise self._meant(error) from None
        if stop is None:
            raise broken("ended its answer early")
        yield Answer("", usage or estimated(len(system) + len(text), said), STOPS.get(stop, "other"))

    async def flagged(self, text: str) -> frozenset[str]:
        """As `Provider.flagged`."""
        try:
            judged = await self.sdk.moderations.create(model=MODERATION_MODEL, input=text)
            found = judged.results[0].categories.model_dump(by_alias=True)
        except MALFORMED as error:
            raise broken(NO_ANSWER, error) from None
        except Exception as error:
            raise self._meant(error) from None
        return frozenset(name for name, flagged in found.items() if flagged is True)

    def _meant(self, error: Exception) -> Exception:
        match error:
            case ProviderError():
                return error
            case openai.APITimeoutError() | httpx2.TimeoutException():
                return timed_out(self.seconds)
            case openai.APIStatusError():
                headers = error.response.headers
                return from_status(error.status_code, error.body, error.request_id, headers.get("retry-after"))
            case openai.APIConnectionError():
                return broken("cannot be reached", error.__cause__)
            case openai.APIError() if isinstance(error.body, dict):
                # An error event in a stream.
                return from_status(200, error.body, None, None)
        # The SDK trips over answers of another shape in many ways.
        return broken(NO_ANSWER, error)


def _usage(counted: object) -> Usage | None:
    return usage_of(getattr(counted, "prompt_tokens", None), getattr(counted, "completion_tokens", None))
