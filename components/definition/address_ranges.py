"""Ranges of addresses: which are public, and which ranges the catalog may open."""

from __future__ import annotations

import ipaddress
import re

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

# Where a cloud's nodes get their credentials: AWS, Google, Oracle and most others; Alibaba; Azure (a public address);
# Oracle's older one; Tencent. And the same over IPv6 at AWS and Google.
METADATA = (
    *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "169.254.0.23"),
    *("fd00:ec2::254", "fd20:ce::254"),
)
# What is within 0.0.0.0/0 and no public host: IANA's special-purpose registry, multicast, the reserved upper end, and
# Azure's wire server. Ranges for documents are left in: nothing is there.
CLOSED_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
# All that IANA gives out to hosts. So never ::1, ::ffff:0:0/96 (mapped), 64:ff9b::/96 and 64:ff9b:1::/48 (NAT64, which
# leads to IPv4's private addresses), fc00::/7, fe80::/10 or multicast; of the rest Teredo and 6to4 carry IPv4 inside.
PUBLIC_V6 = "2000::/3"
CLOSED_V6 = ("2001::/32", "2002::/16")
_NOBODYS = tuple(
    ipaddress.ip_network(one)
    for one in (
        *("0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
        *("::/127", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", *CLOSED_V6, "fe80::/10", "ff00::/8"),
    )
)
# Wider than any network that databases stand in.
_WIDEST = {4: 8, 6: 32}


def within(inner: IPNetwork, outer: IPNetwork) -> bool:
    """Whether all addresses of a range are in another."""
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def range_problem(text: str) -> str:
    """What is wrong with a range that the catalog opens to agents, with the way out; empty when nothing is."""
    match = re.fullmatch(r"([0-9a-fA-F:.]+)/(0|[1-9][0-9]{0,2})", text)
    if not match:
        return "a range of addresses has a length behind a slash, such as 10.20.0.0/16"
    try:
        found = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return "no range of addresses; write all four numbers and a length of at most 32, such as 10.20.0.0/16"
    problem = _too_much(found)
    if not problem and str(found) != text:
        address = ipaddress.ip_address(match[1])
        one = "" if address == found.network_address else f", or {address}/{address.max_prefixlen} for one address"
        return f"write it as {found}{one}"
    return problem


def _too_much(found: IPNetwork) -> str:
    widest = _WIDEST[found.version]
    if found.prefixlen < widest:
        return f"it covers more than any private network does (/{widest} at most); name the range of what is meant"
    for address in METADATA:
        if ipaddress.ip_address(address) in found:
            return f"it reaches the metadata service at {address}, which hands out the node's credentials; narrow it"
    for taken in _NOBODYS:
        if taken.version == found.version and taken.overlaps(found):
            return f"it reaches into {taken}, where no database or queue is; name the range of what is meant"
    return ""
