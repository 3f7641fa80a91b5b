"""One request from its first byte to its last: its id, its log line, its metrics, and no error without a body."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from agent.asgi import App, Headers, Message, Receive, Scope, Send, header, send_json
from agent.drain import Drain
from agent.errors import ApiError, ClientGoneError, Code
from agent.logs import LOG, say
from agent.metrics import Metrics
from agent.task import Task
from agent.telemetry import Spans, Traces

KEY = "agent.exchange"
# What probes and scrapes ask is neither counted nor logged: it would drown the rest.
QUIET = ("/health", "/health/ready", "/metrics")
GONE = 499
FIELDS = frozenset(Task.model_fields)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")


@dataclass(slots=True)
class Exchange:
    """What the log line and the headers of one answer need."""

    request_id: str
    spans: Spans
    drain: Drain
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    complete: bool = False
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    code: str | None = None
    fields: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Since the request came."""
        return time.perf_counter() - self.started

    def failed(self, error: ApiError) -> None:
        """Notes an error for the log and the metrics."""
        self.code = error.code.name
        self.fields |= {name: error.details[name] for name in ("issue", "scope", "kind") if name in error.details}
        # What is no field of a task is the caller's own text.
        if (field := str(error.details.get("field", "")).partition(".")[0]) in FIELDS:
            self.fields["field"] = field
        self.fields |= getattr(error, "cause", {})


class Exchanges:
    """The outermost layer of the application."""

    def __init__(self, app: App, metrics: Metrics, traces: Traces, drain: Drain) -> None:
        self.app = app
        self.metrics = metrics
        self.traces = traces
        self.drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; other kinds of scopes pass through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = header(scope, b"x-request-id")
        exchange = Exchange(
            given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex, self.traces.request(scope), self.drain
        )
        scope[KEY] = exchange
        try:
            await self.app(scope, receive, _described(exchange, send))
        except Exception:
            LOG.exception("An unforeseen error", extra={"fields": {"request_id": exchange.request_id}})
            if not exchange.complete:
                # The connection is cut, so that nobody takes the part for the whole.
                raise
        finally:
            self._done(scope["method"], scope["path"], exchange)

    def _done(self, method: str, path: str, exchange: Exchange) -> None:
        status = exchange.status
        exchange.spans.end(status, exchange.code)
        if exchange.code is not None:
            self.metrics.failed(exchange.code)
        if path in QUIET:
            return
        self.metrics.answered(status)
        seconds = exchange.seconds
        message = "Request completed" if exchange.code is None else "Request failed"
        if status == GONE:
            message = "The caller went away"
        if "model" in exchange.fields:
            self.metrics.seconds.observe(seconds)
        say(
            logging.WARNING if status >= 500 else logging.INFO,
            message,
            request_id=exchange.request_id,
            trace_id=exchange.spans.trace_id,
            method=method,
            # A path that does not exist may be anything, and be long.
            path=path if path == "/api/v1/execute" else None,
            status=status,
            code=exchange.code,
            duration_ms=round(seconds * 1000, 2),
            **exchange.fields,
        )


def _described(exchange: Exchange, send: Send) -> Send:
    """Adds the headers that every answer has, and notes its status."""

    async def described(message: Message) -> None:
        if message["type"] == "http.response.start":
            exchange.status = message["status"]
            more: Headers = [(b"x-request-id", exchange.request_id.encode()), *exchange.headers]
            if exchange.drain.begun:
                more = [*more, (b"connection", b"close")]
            message["headers"] = [*message.get("headers", ()), *more]
        elif not message.get("more_body"):
            exchange.complete = True
        await send(message)

    return described


def ended() -> ApiError:
    """What is told when the grace is over."""
    return ApiError(Code.SHUTTING_DOWN, "The service ends before the answer is there; try again.", retry_after=1)


class Answering:
    """An application whose ApiErrors are sent as answers, also the one that it ends with when the grace is over."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        exchange: Exchange = scope[KEY]
        try:
            await self.app(scope, receive, send)
        except ClientGoneError:
            exchange.status = GONE
            return
        except ApiError as error:
            refusal = error
        except asyncio.CancelledError:
            if not exchange.drain.begun:
                raise
            refusal = ended()
        else:
            return
        exchange.failed(refusal)
        if exchange.status:
            raise refusal
        await send_json(send, refusal.status, refusal.json(), refusal.headers)
