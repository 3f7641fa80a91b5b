"""Spans by the OpenTelemetry SDK, sent by OTLP over HTTP; the SDK's own environment variables hold."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from agent.asgi import Scope, header
from agent.telemetry import Spans

FLUSH_SECONDS = 3.0


class SdkTraces:
    """Makes spans and exports them in batches."""

    def __init__(self) -> None:
        service = os.environ.get("OTEL_SERVICE_NAME") or os.environ.get("AGENT_ID", "agent")
        self._provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self._exporter = OTLPSpanExporter()
        self._provider.add_span_processor(BatchSpanProcessor(self._exporter))
        self._tracer = self._provider.get_tracer("agent")
        self._propagator = TraceContextTextMapPropagator()

    def request(self, scope: Scope) -> Spans:
        """As `Traces.request`."""
        carrier = {name: header(scope, name.encode()) for name in ("traceparent", "tracestate")}
        span = self._tracer.start_span(
            f"{scope['method']} {scope['path']}",
            context=self._propagator.extract({name: value for name, value in carrier.items() if value}),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "url.path": scope["path"]},
        )
        return _Request(self._tracer, span)

    async def close(self) -> None:
        """As `Traces.close`."""
        # The SDK's own time limits do not hold while an export is tried again; no exit waits for a daemon thread.
        sending = threading.Thread(target=self._provider.shutdown, daemon=True)
        sending.start()
        end = time.monotonic() + FLUSH_SECONDS
        while sending.is_alive() and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if sending.is_alive():
            self._exporter.shutdown()  # type: ignore[no-untyped-call]


class _Request:
    def __init__(self, tracer: trace.Tracer, span: Span) -> None:
        self._tracer = tracer
        self._span = span
        self._call: Span | None = None
        self.trace_id: str | None = trace.format_trace_id(span.get_span_context().trace_id)

    def provider(self, api: str, model: str) -> AbstractContextManager[Any]:
        return self._around(api, model)

    @contextmanager
    def _around(self, api: str, model: str) -> Iterator[None]:
        # Names of the GenAI semantic conventions; no content.
        attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": api, "gen_ai.request.model": model}
        self._call = self._tracer.start_span(
            f"chat {model}",
            context=trace.set_span_in_context(self._span),
            kind=SpanKind.CLIENT,
            attributes=attributes,
        )
        try:
            yield
        except BaseException as error:
            self._call.set_attribute("error.type", type(error).__name__)
            self._call.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            self._call.end()

    def used(self, tokens_in: int, tokens_out: int) -> None:
        if self._call is not None:
            self._call.set_attribute("gen_ai.usage.input_tokens", tokens_in)
            self._call.set_attribute("gen_ai.usage.output_tokens", tokens_out)

    def end(self, status: int, code: str | None) -> None:
        self._span.set_attribute("http.response.status_code", status)
        if code is not None:
            self._span.set_attribute("error.type", code)
        if status >= 500:
            self._span.set_status(Status(StatusCode.ERROR))
        self._span.end()
