"""Trace ids and spans. OpenTelemetry is imported only when it has somewhere to send to."""

from __future__ import annotations

import os
import re
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol

from agent.asgi import Scope, header

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
# w3.org/TR/trace-context: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class Spans(Protocol):
    """The spans of one request."""

    trace_id: str | None

    def provider(self, api: str, model: str) -> AbstractContextManager[Any]:
        """Around a call to the provider."""

    def used(self, tokens_in: int, tokens_out: int) -> None:
        """What the call used."""

    def end(self, status: int, code: str | None) -> None:
        """The request is answered."""


class Traces(Protocol):
    """Where spans are made."""

    def request(self, scope: Scope) -> Spans:
        """The spans of a request; its caller's trace goes on."""

    async def close(self) -> None:
        """Sends what is left, for a few seconds at most."""


class OnlyIds:
    """No spans; the caller's trace id still gets into the logs."""

    def __init__(self, trace_id: str | None = None) -> None:
        self.trace_id = trace_id

    def request(self, scope: Scope) -> Spans:
        """As `Traces.request`."""
        found = _TRACEPARENT.fullmatch(header(scope, b"traceparent"))
        return OnlyIds(found[1] if found and found[1].strip("0") else None)

    def provider(self, api: str, model: str) -> AbstractContextManager[Any]:
        """As `Spans.provider`."""
        return nullcontext()

    def used(self, tokens_in: int, tokens_out: int) -> None:
        """As `Spans.used`."""

    def end(self, status: int, code: str | None) -> None:
        """As `Spans.end`."""

    async def close(self) -> None:
        """As `Traces.close`."""


def set_up() -> Traces:
    """OpenTelemetry when an endpoint is set, else only ids."""
    if not any(os.environ.get(name) for name in ENDPOINTS) or os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return OnlyIds()
    from agent.telemetry_sdk import SdkTraces

    return SdkTraces()
