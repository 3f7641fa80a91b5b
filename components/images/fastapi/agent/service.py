"""The service as a whole: its parts put together, and what runs beside the requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from agent.admission import Admission
from agent.api import api
from agent.budget import Budget
from agent.connections import Idle
from agent.counters import SharedCounters
from agent.drain import Drain
from agent.exchange import Exchanges
from agent.execute import Execute
from agent.limiting import RateLimits
from agent.live import Live
from agent.logs import LOG, JsonLines, say
from agent.metrics import Metrics
from agent.providers import http_client
from agent.telemetry import Traces

LOOK_SECONDS = 1.0
SHARE_SECONDS = 1.0


class Service:
    """All parts; `app` is what the server runs."""

    def __init__(self, config: Path, secrets: Path, lines: JsonLines, traces: Traces, drain: Drain, idle: Idle) -> None:
        self.metrics = Metrics(lines.agent_id)
        self.client = http_client(self.metrics)
        self.counters = SharedCounters(self.metrics)
        self.live = Live(config, secrets, self.counters, self.metrics, self.client, lines)
        self.budget = Budget(self.counters, self.metrics)
        self.admission = Admission(self.metrics)
        self.traces = traces
        self.idle = idle
        limits = RateLimits(self.counters, self.metrics)
        execute = Execute(self.live, limits, self.admission, self.budget, self.metrics)
        inner = api(execute, self.live, self.metrics, drain, self._lifespan)
        self.app = Exchanges(inner, self.metrics, traces, drain)

    @asynccontextmanager
    async def _lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        await self._look()
        await self._share()
        tasks = [
            asyncio.create_task(_again_and_again(self._look, LOOK_SECONDS)),
            asyncio.create_task(_again_and_again(self._share, SHARE_SECONDS)),
        ]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._end()

    async def _look(self) -> None:
        await self.live.look()
        if self.live.current is not None:
            self.idle.seconds = self.live.current.settings.service.limits.idle_seconds

    async def _share(self) -> None:
        await self.counters.probe()
        if self.live.current is not None:
            await self.budget.share(self.live.current.settings)

    async def _end(self) -> None:
        if self.admission.in_flight:
            say(
                logging.WARNING,
                "The time to drain is over: requests in flight were cut off",
                count=self.admission.in_flight,
            )
            # They have been cancelled and send their error now.
            for _ in range(20):
                await asyncio.sleep(0.02)
                if not self.admission.in_flight:
                    break
        await self._share()
        await self.traces.close()
        await self.client.aclose()


async def _again_and_again(do: Callable[[], Coroutine[Any, Any, None]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        try:
            await do()
        except Exception:
            # Whatever it was, the requests go on, and so does this.
            LOG.exception("A task in the background failed")
