"""Connections that do nothing must not keep others out: limits in time, size and number that uvicorn lacks."""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agent.errors import ApiError, Code

# With the request line.
HEADER_BYTES = 32 * 1024
# Of connections that have no request under way only so many are kept; beyond it the oldest goes.
WAITING_CONNECTIONS = 1000


class Idle:
    """What all connections share: how long one may say nothing, and which ones wait."""

    def __init__(self) -> None:
        self.seconds = 10.0
        self.waiting: dict[GuardedProtocol, None] = {}


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `idle` is set by `guarded`."""

    idle: Idle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: TimerHandle | None = None
        self._header_bytes = 0
        self._in_headers = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new one waits for its first request, and may take the place of the one that has waited longest."""
        super().connection_made(transport)
        self._wait()
        waiting = self.idle.waiting
        if len(waiting) > WAITING_CONNECTIONS:
            oldest = next(iter(waiting))
            oldest._stop_waiting()
            oldest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left of it."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what comes before a request's headers are complete; the time for them began with the first byte."""
        if self._in_headers:
            if self._deadline is None:
                self._wait()
            self._header_bytes += len(data)
        super().data_received(data)
        if self._in_headers and self._header_bytes > HEADER_BYTES and not self.transport.is_closing():
            self._refuse(431, ApiError(Code.INVALID_REQUEST, f"The headers are longer than {HEADER_BYTES} bytes."))

    def on_headers_complete(self) -> None:
        """From here on the application watches the time."""
        self._stop_waiting()
        self._in_headers = False
        self._header_bytes = 0
        try:
            super().on_headers_complete()
        except httptools.HttpParserError:
            self._refuse(400, ApiError(Code.INVALID_REQUEST, "The request's target is not a URL."))

    def on_message_complete(self) -> None:
        """The next bytes are another request."""
        self._in_headers = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """A connection that is kept open waits again."""
        super().on_response_complete()
        if self._in_headers and self.cycle.response_complete and not self.transport.is_closing():
            self.idle.waiting[self] = None

    def send_400_response(self, msg: str) -> None:
        """As all errors are sent."""
        self._refuse(400, ApiError(Code.INVALID_REQUEST, "This is not HTTP."))

    def pause_writing(self) -> None:
        """A caller that takes nothing of its answer loses the connection after a while."""
        super().pause_writing()
        self._deadline = self._deadline or self.loop.call_later(self.idle.seconds, self._give_up)

    def resume_writing(self) -> None:
        """It takes something again."""
        super().resume_writing()
        self._stop_waiting()

    def _wait(self) -> None:
        self.idle.waiting[self] = None
        self._deadline = self.loop.call_later(self.idle.seconds, self._give_up)

    def _stop_waiting(self) -> None:
        self.idle.waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self._deadline = None
        self.transport.abort()

    def _refuse(self, status: int, error: ApiError) -> None:
        body = error.json()
        head = f"HTTP/1.1 {status} Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()


def guarded(idle: Idle) -> type[GuardedProtocol]:
    """The protocol for one server."""
    return type("Guarded", (GuardedProtocol,), {"idle": idle})
