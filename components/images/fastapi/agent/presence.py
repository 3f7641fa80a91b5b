"""Notices that the caller went away, and stops the work for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agent.asgi import Receive
from agent.errors import ClientGoneError


@asynccontextmanager
async def while_present(receive: Receive) -> AsyncIterator[None]:
    """Cancels what is done inside when the connection closes. ClientGoneError."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    gone = False

    async def watch() -> None:
        nonlocal gone
        while (await receive())["type"] != "http.disconnect":
            pass
        gone = True
        task.cancel()

    watcher = asyncio.create_task(watch())
    try:
        yield
    except asyncio.CancelledError:
        if not gone:
            raise
        task.uncancel()
        raise ClientGoneError from None
    finally:
        watcher.cancel()
