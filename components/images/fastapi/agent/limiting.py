"""Requests a minute: for each caller, for each address, and in all, with strangers apart from callers."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from agent.counters import SharedCounters
from agent.errors import ApiError, Code
from agent.metrics import Metrics
from agent.settings import LimitSettings

WINDOW = 60


@dataclass(frozen=True, slots=True)
class Standing:
    """What the X-RateLimit headers say; `reset` is a Unix time in seconds."""

    scope: str
    limit: int
    used: int
    reset: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Limit, what remains of it, and when it starts anew."""
        return [
            (b"x-ratelimit-limit", b"%d" % self.limit),
            (b"x-ratelimit-remaining", b"%d" % max(0, self.limit - self.used)),
            (b"x-ratelimit-reset", b"%d" % self.reset),
        ]


class RateLimits:
    """Fixed windows of a minute of the clock, so that all replicas mean the same one."""

    def __init__(
        self, counters: SharedCounters, metrics: Metrics, environment: str = "", now: Callable[[], float] = time.time
    ) -> None:
        self.counters = counters
        self.metrics = metrics
        self._now = now
        # Who is over the limit is not asked for again in the same window, and does not use up what is for all.
        self._over: dict[str, Standing] = {}
        self._window = 0

    async def count(self, prefix: str, address: str, caller: str | None, limits: LimitSettings) -> Standing:
        """Counts a request. The standing of the caller (None: nobody known), or of the limit that it ran into."""
        window = int(self._now()) // WINDOW
        if window != self._window:
            self._window, self._over = window, {}
        scopes = [("address", address, limits.requests_per_minute_address)]
        if caller is not None:
            scopes.insert(0, ("key", caller, limits.requests_per_minute))
        for scope, who, limit in scopes:
            known = self._over.get(f"{prefix}:{scope}:{who}")
            if known is not None and known.limit == limit:
                return known
        # Who has no key uses up nothing of what is for all that have one.
        scopes.append(("total", "" if caller is not None else "strangers", limits.requests_per_minute_total))
        keys = [f"{prefix}:{window}:{scope}:{who}" for scope, who, _ in scopes]
        counts = await self.counters.add(*keys, seconds=2 * WINDOW)
        standings = [
            Standing(scope, limit, used, (window + 1) * WINDOW)
            for (scope, _, limit), used in zip(scopes, counts, strict=True)
        ]
        for standing, (scope, who, _) in zip(standings, scopes, strict=True):
            if standing.used > standing.limit:
                if scope != "total":
                    self._over[f"{prefix}:{scope}:{who}"] = standing
                return standing
        return standings[0]

    def check(self, standing: Standing) -> None:
        """ApiError RATE_LIMIT_EXCEEDED when the request was one too many."""
        if standing.used <= standing.limit:
            return
        self.metrics.limited(standing.scope)
        wait = max(1, standing.reset - int(self._now()))
        whose = {"key": "this caller", "address": "this address", "total": "this agent"}[standing.scope]
        raise ApiError(
            Code.RATE_LIMIT_EXCEEDED,
            f"The limit of {standing.limit} requests a minute for {whose} is reached; retry after {wait} seconds.",
            {"scope": standing.scope, "limit": standing.limit},
            retry_after=wait,
        )
