"""The end of the process: not ready at once, then no new connections, and out when the last answer is sent."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Iterator
from dataclasses import dataclass

import uvicorn

from agent.logs import say


@dataclass(slots=True)
class Drain:
    """Whether the end has begun. `linger`: seconds in which new requests still come in, since whoever balances the
    load needs a moment to see that the pod is not ready; `grace`: seconds until what is left is cut off."""

    linger: float
    grace: float
    begun: bool = False


class Server(uvicorn.Server):
    """Uvicorn's server with this order of ending; it exits with 0."""

    def __init__(self, config: uvicorn.Config, drain: Drain) -> None:
        super().__init__(config)
        self.drain = drain
        config.timeout_graceful_shutdown = max(1, round(drain.grace - drain.linger))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's own would send the signal to the process once more at the end."""
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self._told_to_end)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def _told_to_end(self) -> None:
        if self.drain.begun:
            # Whoever asks twice does not want to wait for new requests.
            self.should_exit = True
            return
        self.drain.begun = True
        say(logging.INFO, "Draining: not ready any more; requests in flight are finished")
        asyncio.get_running_loop().call_later(self.drain.linger, setattr, self, "should_exit", True)
