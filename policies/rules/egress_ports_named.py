"""Ways out to addresses and hosts name their ports."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.address_ranges import CLOSED_V4
from policies.example import alone, cilium_policy, network_policy, of_agent
from policies.network_rules import POLICIES, agents, openings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    # Roster opens all ports to agents that the agent calls: which one answers is theirs to say.
    called = {agents(namespace, name) for namespace, name in agent.calls} if agent else set()
    for opening in openings(manifest, "egress"):
        if opening.ports or (opening.pods and not opening.blocks and called.issuperset(opening.pods)):
            continue
        yield "a rule for what goes out names no ports"


RULE = Rule(
    id="egress-ports-named",
    severity="error",
    why="Every port of an address is every service there, and every protocol that carries data out.",
    fix="Hosts are reached over HTTPS; give databases and queues of the catalog their port.",
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
    alone(
        cilium_policy(
            egress=[{"toFQDNs": [{"matchName": "api.example.com"}], "toPorts": [{"ports": [{"port": "443"}]}]}]
        )
    ),
    of_agent(
        network_policy(
            egress=[
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "support"}},
                            "podSelector": {"matchLabels": {"app.kubernetes.io/name": "helper"}},
                        }
                    ]
                }
            ]
        ),
        calls=(("support", "helper"),),
    ),
)
FAILING = (
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}])),
    alone(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}], "ports": [{"protocol": "TCP"}]}])),
    alone(network_policy(egress=[{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])),
    alone(cilium_policy(egress=[{"toFQDNs": [{"matchName": "api.example.com"}]}])),
    alone(
        cilium_policy(egress=[{"toFQDNs": [{"matchName": "api.example.com"}], "toPorts": [{"ports": [{"port": "0"}]}]}])
    ),
)
