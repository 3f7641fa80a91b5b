"""Sends one request again and again over kept-alive connections and measures the answers; prints one JSON object.

    python bench/load_client.py REQUEST-FILE PORT --connections 32 --seconds 5 [--rate 500]

With a rate the requests leave at even intervals, and the time of each counts from when it was due, so that waiting for
a slow server is part of it. Without one, each connection asks as soon as it was answered. It needs uvloop, and
does about ten times what it measures here, so that it is not what limits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections import Counter, deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_HEAD_END = b"\r\n\r\n"
_DRAIN_SECONDS = 10


class Connection(asyncio.Protocol):
    """One connection with at most one request on the way."""

    def __init__(self, request: bytes, answered: Callable[[Connection, int, float], None]) -> None:
        self._request = request
        self._answered = answered
        self._received = b""
        self._due = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio.Transport.
        self.transport = cast(asyncio.Transport, transport)

    def send(self, due: float) -> None:
        """Asks; `due` is when the answer's time begins."""
        assert self.transport
        self._due = due
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head = self._received.find(_HEAD_END)
        if head < 0:
            return
        length = _LENGTH.search(self._received, 0, head)
        assert length, "the answer has no content-length"
        if len(self._received) >= head + len(_HEAD_END) + int(length[1]):
            status = int(self._received[9:12])
            self._received = b""
            self._answered(self, status, time.perf_counter() - self._due)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._due:
            self._answered(self, 0, time.perf_counter() - self._due)


class Load:
    """A closed or an open loop over the connections."""

    def __init__(self, rate: float) -> None:
        self.rate = rate
        self.seconds: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.waiting: deque[float] = deque()
        self.free: list[Connection] = []
        self.end = 0.0

    def answered(self, connection: Connection, status: int, seconds: float) -> None:
        """Counts the answer and sends the connection's next request, if one is due."""
        self.seconds.append(seconds)
        self.statuses[status] += 1
        now = time.perf_counter()
        if not status:
            return
        if self.waiting:
            connection.send(self.waiting.popleft())
        elif not self.rate and now < self.end:
            connection.send(now)
        else:
            self.free.append(connection)

    async def run(self, request: bytes, port: int, count: int, seconds: float) -> float:
        """Loads the server for so long; returns the seconds until the last answer."""
        loop = asyncio.get_running_loop()
        for _ in range(count):
            _, connection = await loop.create_connection(lambda: Connection(request, self.answered), "127.0.0.1", port)
            self.free.append(connection)
        began = time.perf_counter()
        self.end = began + seconds
        if self.rate:
            await self._evenly(began)
        else:
            connections, self.free = self.free, []
            for connection in connections:
                connection.send(time.perf_counter())
            await asyncio.sleep(seconds)
        latest = time.perf_counter() + _DRAIN_SECONDS
        while len(self.free) < count and time.perf_counter() < latest:
            await asyncio.sleep(0.005)
        return time.perf_counter() - began

    async def _evenly(self, began: float) -> None:
        sent = 0
        while (now := time.perf_counter()) < self.end:
            while sent < (now - began) * self.rate:
                due = began + sent / self.rate
                if self.free:
                    self.free.pop().send(due)
                else:
                    self.waiting.append(due)
                sent += 1
            await asyncio.sleep(0.0005)


def main() -> None:
    """Loads and prints."""
    import uvloop  # type: ignore[import-not-found, unused-ignore]

    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("request", type=Path)
    arguments.add_argument("port", type=int)
    arguments.add_argument("--connections", type=int, default=32)
    arguments.add_argument("--seconds", type=float, default=5.0)
    arguments.add_argument("--rate", type=float, default=0.0)
    given = arguments.parse_args()
    load = Load(given.rate)
    took = uvloop.run(load.run(given.request.read_bytes(), given.port, given.connections, given.seconds))
    ordered = sorted(load.seconds)
    result: dict[str, Any] = {
        "requests": len(ordered),
        "seconds": took,
        "statuses": {str(status): count for status, count in load.statuses.items()},
        "p50": ordered[len(ordered) // 2],
        "p95": ordered[len(ordered) * 95 // 100],
        "p99": ordered[len(ordered) * 99 // 100],
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
