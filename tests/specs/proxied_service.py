"""Asks Anthropic and OpenAI as the FastAPI service does, by its own HTTP client and their SDKs; run in its Python."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from types import SimpleNamespace

sys.path.insert(0, str(Path(__file__).parents[2] / "components/images/fastapi"))

import anthropic
import openai
from agent.providers import http_client


async def main() -> None:
    """Prints what each call raises: no host here speaks TLS."""
    asked = [{"role": "user", "content": "Hello"}]
    async with http_client(SimpleNamespace(retries=None)) as client:
        first = anthropic.AsyncAnthropic(api_key="sk-test", http_client=client, max_retries=0)
        second = openai.AsyncOpenAI(api_key="sk-test", http_client=client, max_retries=0)
        calls = (
            first.messages.create(model="claude-sonnet-4-5", max_tokens=9, messages=asked),
            second.chat.completions.create(model="gpt-5-mini", messages=asked),
        )
        for call in calls:
            try:
                await asyncio.wait_for(call, 20)
            except (anthropic.APIConnectionError, openai.APIConnectionError) as error:
                print(type(error).__module__.split(".")[0], repr(error.__cause__))


asyncio.run(main())
