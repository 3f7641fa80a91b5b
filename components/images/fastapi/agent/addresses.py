"""Whose request it is by address: the peer's, or what a trusted proxy says."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from agent.asgi import Scope, header_list

Networks = tuple[IPv4Network | IPv6Network, ...]


def caller_address(scope: Scope, trusted: Networks) -> str:
    """The address that limits count for; an IPv6 one stands for its /64, which one household has."""
    client = scope.get("client")
    peer = client[0] if client else ""
    if trusted and _is_trusted(peer, trusted):
        # Right to left: each proxy appends whom it spoke to; what stands left of the first stranger anyone may invent.
        for claimed in reversed(header_list(scope, b"x-forwarded-for")):
            claimed = _without_port(claimed)
            if _parsed(claimed) is None:
                break
            peer = claimed
            if not _is_trusted(peer, trusted):
                break
    return _group(peer)


def _without_port(text: str) -> str:
    """Some proxies write 203.0.113.9:4711 and [2001:db8::1]:4711."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


@lru_cache(maxsize=4096)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(text: str, trusted: Networks) -> bool:
    address = _parsed(text)
    return address is not None and any(address in network for network in trusted)


@lru_cache(maxsize=4096)
def _group(text: str) -> str:
    address = _parsed(text)
    if isinstance(address, IPv6Address):
        return str(ip_network((address, 64), strict=False))
    return str(address) if address else "unknown"
