"""How many requests are worked on at once, and who waits: first come, first served, up to a bound."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.errors import ApiError, Code
from agent.metrics import Metrics
from agent.settings import LimitSettings


class Admission:
    """The places; their number may change while requests hold and await them."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.in_flight = 0
        self.waiting: deque[asyncio.Future[None]] = deque()
        self._places = 1

    @asynccontextmanager
    async def place(self, limits: LimitSettings) -> AsyncIterator[None]:
        """Holds a place. ApiError BUSY when too many wait already or none becomes free in time."""
        self._places = limits.max_concurrent
        if self.in_flight < self._places and not self.waiting:
            self._taken(1)
        else:
            await self._wait(limits)
        try:
            yield
        finally:
            self._release()

    async def _wait(self, limits: LimitSettings) -> None:
        if len(self.waiting) >= limits.queue:
            raise _busy("too many requests wait already", limits)
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(turn)
        self.metrics.queue_depth.set(len(self.waiting))
        try:
            async with asyncio.timeout(limits.queue_seconds):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # The place came at the very moment of giving up: it goes to the next.
                self._release()
            elif turn in self.waiting:
                self.waiting.remove(turn)
            if isinstance(error, TimeoutError):
                raise _busy(f"no place became free in {limits.queue_seconds:g} s", limits) from None
            raise
        finally:
            self.metrics.queue_depth.set(len(self.waiting))

    def _release(self) -> None:
        self._taken(-1)
        while self.waiting and self.in_flight < self._places:
            turn = self.waiting.popleft()
            if not turn.done():
                self._taken(1)
                turn.set_result(None)

    def _taken(self, places: int) -> None:
        self.in_flight += places
        self.metrics.in_flight.set(self.in_flight)


def _busy(why: str, limits: LimitSettings) -> ApiError:
    details = {"max_concurrent": limits.max_concurrent, "queue": limits.queue}
    return ApiError(Code.BUSY, f"The agent is busy: {why}; try again later.", details, retry_after=1)
