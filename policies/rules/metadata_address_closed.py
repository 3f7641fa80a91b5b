"""No way out to private networks or to a cloud's metadata service."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from ipaddress import ip_network

from policies.rule import Manifest, Rule, Subject

_METADATA = (ip_network("169.254.169.254/32"), ip_network("fd00:ec2::254/128"))


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for rule in manifest["spec"].get("egress") or ():
        if not rule.get("to"):
            yield "a rule lets everything out, the metadata service included"
        for peer in rule.get("to") or ():
            block = peer.get("ipBlock")
            if block:
                yield from _reached(block["cidr"], tuple(block.get("except", ())))


@lru_cache(maxsize=1024)
def _reached(cidr: str, excluded: tuple[str, ...]) -> tuple[str, ...]:
    """The metadata addresses within a range, in words; the same few ranges stand in thousands of policies."""
    found = []
    outer = ip_network(cidr)
    for address in _METADATA:
        if address.version != outer.version or not address.subnet_of(outer):  # type: ignore[arg-type]
            continue
        closed = any(address.subnet_of(ip_network(one)) for one in excluded)  # type: ignore[arg-type]
        if not closed:
            found.append(f"{cidr} reaches the metadata service at {address.network_address}")
    return tuple(found)


RULE = Rule(
    id="metadata-address-closed",
    severity="error",
    why="The metadata service hands out the node's credentials to whoever asks.",
    fix="Name hosts instead of addresses, or a database or queue of the catalog with a narrow range.",
    kinds=frozenset({"NetworkPolicy"}),
    judge=_judge,
    field=("hosts",),
)


def _example(*rules: Manifest) -> Manifest:
    return {"kind": "NetworkPolicy", "metadata": {"name": "x"}, "spec": {"egress": list(rules)}}


PASSING = (
    _example(),
    _example({"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}),
    _example({"to": [{"podSelector": {}}]}),
    _example({"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}),
)
FAILING = (
    _example({"ports": [{"port": 443}]}),
    _example({"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}),
    _example({"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}),
    _example({"to": [{"ipBlock": {"cidr": "::/0", "except": ["fe80::/10"]}}]}),
)
