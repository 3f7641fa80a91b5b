"""No way out to a cloud's metadata service."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.address_ranges import CLOSED_V4, METADATA
from policies.example import alone, cilium_policy, network_policy
from policies.network_rules import POLICIES, openings, reaching
from policies.rule import Manifest, Rule, Subject

_METADATA = reaching(*METADATA)
# In these lies the metadata service: what is outside of the cluster, and the node.
_ENTITIES = frozenset({"all", "world", "world-ipv4", "world-ipv6", "host", "remote-node"})


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for opening in openings(manifest, "egress"):
        if opening.anyone:
            yield "a rule lets everything out, the metadata service included"
        for block in opening.blocks:
            for address in _METADATA(block):
                yield f"{block.cidr} reaches the metadata service at {address.network_address}"
        for entity in opening.entities:
            if entity in _ENTITIES:
                yield f"the entity {entity} includes the metadata service"


RULE = Rule(
    id="metadata-address-closed",
    severity="error",
    why="The metadata service hands out the node's credentials to whoever asks.",
    fix="Name hosts instead of addresses, or a database or queue of the catalog with a narrow range.",
    kinds=POLICIES,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Protecting sensitive cloud infrastructure",
)

PASSING = (
    alone(network_policy()),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": [*CLOSED_V4]}}]}])),
    alone(network_policy(egress=[{"to": [{"podSelector": {}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}])),
    alone(cilium_policy(egress=[{}])),
    alone(cilium_policy(egress=[{"toFQDNs": [{"matchName": "api.example.com"}]}])),
)
FAILING = (
    alone(network_policy(egress=[{"ports": [{"port": 443}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "169.254.169.254/32"}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "::/0", "except": ["fe80::/10"]}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "::ffff:169.254.169.254/128"}}]}])),
    alone(cilium_policy(egress=[{"toCIDR": ["169.254.0.0/16"]}])),
    alone(cilium_policy(egress=[{"toCIDRSet": [{"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}]}])),
    alone(cilium_policy(egress=[{"toEntities": ["world"]}])),
    alone(cilium_policy(egress=[{"toEntities": ["host"]}])),
)
