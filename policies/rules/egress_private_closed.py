"""No way out to private networks as a whole."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.address_ranges import CLOSED_V4, CLOSED_V6
from policies.example import alone, cilium_policy, network_policy
from policies.network_rules import POLICIES, network, openings, reaching
from policies.rule import Manifest, Rule, Subject

_PRIVATE = reaching(*CLOSED_V4, *CLOSED_V6, "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "fc00::/7", "fe80::/10")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    named = {one.endpoint.cidr for one in agent.endpoints} if agent and agent.endpoints else frozenset()
    for opening in openings(manifest, "egress"):
        for block in opening.blocks:
            # What the catalog opens it answers for; the catalog's own rules hold how wide that may be.
            if block.cidr in named:
                continue
            if network(block.cidr) is None:
                yield f"{block.cidr} is no range of addresses"
            found = _PRIVATE(block)
            if found:
                yield f"{block.cidr} reaches {', '.join(map(str, found))}"


RULE = Rule(
    id="egress-private-closed",
    severity="error",
    why=(
        "Databases, control planes and other teams' services answer at private addresses, and trust who asks "
        "from there."
    ),
    fix="Name a database or queue of the catalog with its own range; public ranges go without the private ones.",
    kinds=POLICIES,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (
    alone(network_policy()),
    alone(
        network_policy(
            egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(CLOSED_V4)}}], "ports": [{"port": 443}]}]
        )
    ),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}])),
)
FAILING = (
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/1", "except": ["10.0.0.0/9"]}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "::/0"}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "everywhere"}}]}])),
    alone(cilium_policy(egress=[{"toCIDRSet": [{"cidr": "192.168.0.0/16"}]}])),
)
