"""Connections that do nothing must not keep others out: limits in time, size and number that uvicorn lacks.

A connection has one request at a time. Whoever sends a second one before the first is answered gets the first answer,
then the connection is closed: what is sent ahead is neither parsed nor kept, and the connection is still read, so that
the end of a caller is noticed.
"""

from __future__ import annotations

import asyncio
from asyncio import TimerHandle
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from agent.errors import ApiError, Code
from agent.upgrades import without_upgrade

# With the request line.
HEADER_BYTES = 32 * 1024
# Of connections that have no request under way only so many are kept; beyond it one of them goes.
WAITING_CONNECTIONS = 1000
# Bytes that are sent ahead of an answer, and are dropped; beyond it the connection is.
AHEAD_BYTES = 1024 * 1024


class Idle:
    """What all connections share: how long one may say nothing, and which ones wait, the longest waiting first."""

    def __init__(self) -> None:
        self.seconds = 10.0
        self.silent: dict[GuardedProtocol, None] = {}
        """They never sent a whole request."""
        self.kept: dict[GuardedProtocol, None] = {}
        """They had an answer, and may ask again."""

    def enter(self, connection: GuardedProtocol, kept: bool) -> None:
        """Counts one more; when they are too many the oldest silent one goes, and a kept one if there is none."""
        (self.kept if kept else self.silent)[connection] = None
        if len(self.silent) + len(self.kept) > WAITING_CONNECTIONS:
            oldest = next(iter(self.silent or self.kept))
            self.leave(oldest)
            oldest.transport.abort()

    def leave(self, connection: GuardedProtocol) -> None:
        """It waits no more."""
        self.silent.pop(connection, None)
        self.kept.pop(connection, None)


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `idle` is set by `guarded`."""

    idle: Idle

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Two deadlines: what the caller has to send, and what it has to take.
        self._sending: TimerHandle | None = None
        self._taking: TimerHandle | None = None
        self._header_bytes = 0
        self._begun = False
        self._in_body = False
        self._upgrade = False
        self._deaf = False
        self._ahead = 0

    @property
    def _in_flight(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A new one waits for its first request."""
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is left of it."""
        self._stop_waiting()
        self._stop_taking()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Counts what comes before a request's headers are complete; the time for them began with the first byte."""
        if self._deaf:
            self._ahead += len(data)
            if self._ahead > AHEAD_BYTES:
                self.transport.abort()
            return
        if not self._begun and not data.strip(b"\r\n"):
            # Some end a body with a line more; between two requests it means nothing.
            return
        if not self._in_body and not self._in_flight:
            if self._sending is None:
                self._wait()
            self._header_bytes += len(data)
        self._unset_keepalive_if_required()
        self._feed(data)
        long = self._begun and not self._in_body and self._header_bytes > HEADER_BYTES
        if long and not self._deaf and not self.transport.is_closing():
            self._refuse(431, ApiError(Code.INVALID_REQUEST, f"The headers are longer than {HEADER_BYTES} bytes."))

    def on_message_begin(self) -> None:
        """A second request before the first is answered is not looked at."""
        if self._deaf or self._in_flight:
            self._stop_listening()
            return
        self._begun = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        if not self._deaf:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header."""
        if not self._deaf:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """From here on the application watches the time."""
        if self._deaf:
            return
        self._upgrade = self.parser.should_upgrade()
        if self._upgrade:
            return
        self._stop_waiting()
        self._in_body = True
        self._header_bytes = 0
        try:
            super().on_headers_complete()
        except (httptools.HttpParserError, UnicodeDecodeError, AttributeError):
            self._refuse(400, ApiError(Code.INVALID_REQUEST, "The request's target is not a URL."))

    def on_body(self, body: bytes) -> None:
        """A part of it; who is answered already sends it in vain."""
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The next bytes are another request."""
        if self._deaf or self._upgrade:
            return
        self._begun = self._in_body = False
        super().on_message_complete()
        if not self._in_flight and not self.transport.is_closing():
            # The answer was there before the body had come.
            self._stop_waiting()
            self._keep()
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def on_response_complete(self) -> None:
        """A connection that is kept open waits again, for its next request or for the rest of the body."""
        super().on_response_complete()
        if self._in_body and self.expect_100_continue:
            # Nobody knows whether the body will come.
            self.transport.close()
        if self.transport.is_closing():
            self._take()
        elif self._in_body:
            self._wait()
        else:
            self._keep()

    def timeout_keep_alive_handler(self) -> None:
        """It asked nothing for long enough."""
        super().timeout_keep_alive_handler()
        self._take()

    def send_400_response(self, msg: str) -> None:
        """As all errors are sent; not in the midst of an answer."""
        if not self._in_flight or not self.cycle.response_started:
            self._refuse(400, ApiError(Code.INVALID_REQUEST, "This is not HTTP."))
        else:
            self.transport.abort()

    def pause_writing(self) -> None:
        """A caller that takes nothing of its answer loses the connection after a while."""
        super().pause_writing()
        self._take()

    def resume_writing(self) -> None:
        """It takes something again."""
        super().resume_writing()
        self._stop_taking()
        if self.transport.is_closing():
            self._take()

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._as_if_plain(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            if not self._deaf:
                self.send_400_response("")

    def _as_if_plain(self, rest: bytes) -> None:
        """There is no other protocol here: the request is read once more, as one that asks for none."""
        if self._deaf:
            return
        if self.parser.get_method() == b"CONNECT":
            self._refuse(405, ApiError(Code.METHOD_NOT_ALLOWED, "Another method is needed."))
            return
        head = without_upgrade(self.parser.get_method(), self.url, self.parser.get_http_version(), self.headers)
        self._upgrade = False
        self.parser = httptools.HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self._feed(head)
        if rest and not self._deaf:
            self._feed(rest)

    def _stop_listening(self) -> None:
        self._deaf = True
        if self._in_flight:
            self.cycle.keep_alive = False

    def _wait(self) -> None:
        self._sending = self.loop.call_later(self.idle.seconds, self._give_up)
        self.idle.enter(self, kept=False)

    def _keep(self) -> None:
        self.idle.enter(self, kept=True)

    def _stop_waiting(self) -> None:
        self.idle.leave(self)
        if self._sending is not None:
            self._sending.cancel()
            self._sending = None

    def _take(self) -> None:
        self._taking = self._taking or self.loop.call_later(self.idle.seconds, self._give_up)

    def _stop_taking(self) -> None:
        if self._taking is not None:
            self._taking.cancel()
            self._taking = None

    def _give_up(self) -> None:
        self.transport.abort()

    def _refuse(self, status: int, error: ApiError) -> None:
        self._stop_listening()
        body = error.json()
        head = f"HTTP/1.1 {status} Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(f"{head}connection: close\r\n\r\n".encode() + body)
        self.transport.close()
        self._take()


def guarded(idle: Idle) -> type[GuardedProtocol]:
    """The protocol for one server."""
    return type("Guarded", (GuardedProtocol,), {"idle": idle})
