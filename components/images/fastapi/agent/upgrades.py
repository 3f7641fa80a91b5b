"""Requests that offer to go on in another protocol, such as HTTP/2 (h2c) or WebSocket: they are read as plain ones.

RFC 9110, 7.8: a server may ignore Upgrade. The parser leaves out the body of such a request, and would take it for the
next request.
"""

from __future__ import annotations

from collections.abc import Iterable

OFFERS = (b"upgrade", b"http2-settings")


def without_upgrade(method: bytes, target: bytes, version: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """The head of the same request without its offer."""
    lines = [method + b" " + target + b" HTTP/" + version.encode()]
    for name, value in headers:
        if name == b"connection":
            tokens = [token.strip() for token in value.split(b",")]
            value = b", ".join(token for token in tokens if token.lower() not in OFFERS)
        if name not in OFFERS:
            lines.append(name + b": " + value)
    return b"\r\n".join([*lines, b"", b""])
