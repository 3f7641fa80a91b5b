"""Counters that end by themselves: in Redis, so that replicas share them, or in this process's memory."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Protocol

from agent.logs import say
from agent.metrics import Metrics


class LostError(Exception):
    """The store cannot be reached; the message names the kind of trouble."""


class Counters(Protocol):
    """What the storages of the `limits` library do, as far as it is needed here."""

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Adds and returns the new count; a count that begins ends after `expiry` seconds."""

    async def get(self, key: str) -> int:
        """The count, 0 when there is none."""


class MemoryCounters:
    """One dictionary, swept once a minute: the library's own storage looks at every key on every hit."""

    def __init__(self) -> None:
        self._counts: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """As `Counters.incr`."""
        now = time.monotonic()
        if now >= self._sweep_at:
            self._counts = {name: item for name, item in self._counts.items() if item[1] > now}
            self._sweep_at = now + 60
        count, ends = self._counts.get(key, (0, 0.0))
        if ends <= now:
            count, ends = 0, now + expiry
        self._counts[key] = (count + amount, ends)
        return count + amount

    async def get(self, key: str) -> int:
        """As `Counters.get`."""
        count, ends = self._counts.get(key, (0, 0.0))
        return count if ends > time.monotonic() else 0


class SharedCounters:
    """Redis while it answers; when it does not, memory, until it answers again."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.memory = MemoryCounters()
        self.url: str | None = None
        self.redis: Counters | None = None
        self.up = False
        self.why = ""

    async def connect(self, url: str | None) -> None:
        """Uses the Redis at the URL from now on, or none; the URL's parts are never logged."""
        if url == self.url:
            return
        self.url, self.redis, self.up = url, None, False
        self.metrics.redis_up.set(0)
        if url is None:
            return
        # Redis' client brings half of OpenTelemetry with it: only where it is used.
        from agent.redis_counters import RedisCounters

        try:
            self.redis = RedisCounters(url)
        except LostError as error:
            self._gave_up(error)
            return
        await self.probe()
        if not self.up:
            self._say_alone()

    async def probe(self) -> None:
        """Looks whether a Redis that was given up answers again."""
        if self.redis is None or self.up:
            return
        try:
            await self.redis.get("probe")
        except LostError as error:
            self.why = str(error)
            return
        self.up = True
        self.metrics.redis_up.set(1)
        say(logging.INFO, "Redis answers: limits and budget are shared")

    async def add(self, *keys: str, seconds: int) -> list[int]:
        """Counts one more under each key; the new counts in the same order."""
        if self.redis is not None and self.up:
            try:
                return list(await asyncio.gather(*(self.redis.incr(key, seconds) for key in keys)))
            except LostError as error:
                self._gave_up(error)
        return [await self.memory.incr(key, seconds) for key in keys]

    async def share(self, key: str, amount: int, seconds: int) -> int | None:
        """Adds an amount and returns the total of all replicas; None when Redis is not there or was given up."""
        if self.redis is None or not self.up:
            return None
        try:
            if amount:
                return await self.redis.incr(key, seconds, amount)
            return await self.redis.get(key)
        except LostError as error:
            self._gave_up(error)
            return None

    def _gave_up(self, error: LostError) -> None:
        was_up, self.up = self.up, False
        self.metrics.redis_up.set(0)
        self.metrics.redis_errors.inc()
        if was_up or self.redis is None:
            self.why = str(error)
            self._say_alone()

    def _say_alone(self) -> None:
        say(
            logging.WARNING,
            "Redis does not answer: limits and budget are counted in memory, for this pod alone",
            reason=self.why,
        )
