"""Counters in Redis, by the `limits` library, with its script that adds and sets the end in one step."""

from __future__ import annotations

from limits.aio.storage import RedisStorage
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from agent.counters import LostError

# A Redis that takes longer than this costs more than counting alone does.
SECONDS = 0.5
TROUBLE = (RedisError, OSError, TimeoutError)


class RedisCounters:
    """As `Counters`; LostError when Redis is not to be reached."""

    def __init__(self, url: str) -> None:
        try:
            self._storage = RedisStorage(
                f"async+{url}",
                implementation="redispy",
                key_prefix="agent",
                socket_timeout=SECONDS,
                socket_connect_timeout=SECONDS,
                # Once more for a connection that was closed while it was idle; redis-py would wait for seconds.
                retry=Retry(NoBackoff(), 1),  # type: ignore[arg-type]
            )
        except Exception as error:
            # The libraries raise what they like for a URL that they cannot read, with the URL and its password in it.
            raise LostError(f"the URL cannot be read: {type(error).__name__}") from None

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """As `Counters.incr`."""
        try:
            return await self._storage.incr(key, expiry, amount)
        except TROUBLE as error:
            raise LostError(type(error).__name__) from None

    async def get(self, key: str) -> int:
        """As `Counters.get`."""
        try:
            return await self._storage.get(key)
        except TROUBLE as error:
            raise LostError(type(error).__name__) from None
