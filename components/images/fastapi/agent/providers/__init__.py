"""The model behind the agent, through its maker's own SDK."""

from __future__ import annotations

import httpx2

from agent.metrics import Metrics
from agent.providers.base import Answer, Provider
from agent.providers.bodies import bounded
from agent.settings import Settings

__all__ = ["Answer", "Provider", "http_client", "provider_for"]


def provider_for(settings: Settings, key: str, client: httpx2.AsyncClient) -> Provider:
    """A provider with this key; the HTTP client and its connections are shared by all."""
    # Each SDK takes a second to import and 40 MB to keep: only the one that is used.
    if settings.provider.api == "anthropic":
        from agent.providers.anthropic_api import AnthropicProvider

        return AnthropicProvider(settings, key, client)
    from agent.providers.openai_api import OpenAiProvider

    return OpenAiProvider(settings, key, client)


def http_client(metrics: Metrics) -> httpx2.AsyncClient:
    """The one client of the process. It follows no redirect, which would take the key elsewhere."""

    async def count(request: httpx2.Request) -> None:
        if request.headers.get("x-stainless-retry-count", "0") != "0":
            metrics.retries.inc()

    async def obey(response: httpx2.Response) -> None:
        # The SDKs sleep as long as the provider says; the caller would be gone by then.
        if response.status_code < 400 or "retry-after" not in response.headers:
            return
        wait = _seconds(response.headers["retry-after"])
        longest = response.request.extensions.get("timeout", {}).get("read")
        if wait is not None and longest is not None and wait >= longest:
            response.headers["x-should-retry"] = "false"

    return httpx2.AsyncClient(
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=256, keepalive_expiry=30),
        follow_redirects=False,
        # What is packed would be measured only when it is unpacked.
        headers={"accept-encoding": "identity"},
        event_hooks={"request": [count], "response": [bounded, obey]},
    )


def _seconds(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
