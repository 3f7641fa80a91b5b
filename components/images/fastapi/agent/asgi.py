"""The few types and messages of the ASGI specification that the service uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

import orjson

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Iterable[tuple[bytes, bytes]]


def header(scope: Scope, name: bytes) -> str:
    """The value of a request's header, empty when it is missing; the last one when it was sent twice."""
    found = b""
    for key, value in scope["headers"]:
        if key == name:
            found = value
    return found.decode("latin-1")


def header_list(scope: Scope, name: bytes) -> list[str]:
    """The items of a header that is a list, of all its lines in order."""
    lines = [value.decode("latin-1") for key, value in scope["headers"] if key == name]
    return [item.strip() for line in lines for item in line.split(",")]


async def send_json(send: Send, status: int, value: Any, headers: Headers = ()) -> None:
    """Sends a whole answer; `value` is JSON already when it is bytes."""
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    described = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": described})
    await send({"type": "http.response.body", "body": data})
