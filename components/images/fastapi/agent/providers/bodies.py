"""How much a provider may send: what one answer needs many times over, and no more than memory bears."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2

LARGEST_BYTES = 16 * 1024 * 1024
# Pieces are passed on as they come, each in an envelope of a few hundred bytes.
LARGEST_STREAM_BYTES = 64 * 1024 * 1024


async def bounded(response: httpx2.Response) -> None:
    """Lets the reading of a body that is too large, or packed against what was asked, end with a DecodingError."""
    is_stream = response.headers.get("content-type", "").startswith("text/event-stream")
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise httpx2.DecodingError("packed", request=response.request)
    assert isinstance(response.stream, httpx2.AsyncByteStream)  # noqa: S101
    response.stream = _Bounded(response.stream, LARGEST_STREAM_BYTES if is_stream else LARGEST_BYTES)


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, largest: int) -> None:
        self.stream = stream
        self.left = largest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self.stream:
            self.left -= len(piece)
            if self.left < 0:
                raise httpx2.DecodingError("too large")
            yield piece

    async def aclose(self) -> None:
        await self.stream.aclose()
