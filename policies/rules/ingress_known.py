"""Only the gateway, named agents and Prometheus reach an agent."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, cilium_policy, network_policy, of_agent, of_pool
from policies.network_rules import POLICIES, openings, peers_in
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    known = set(peers_in(agent)) if agent else set()
    for opening in openings(manifest, "ingress"):
        if opening.anyone:
            yield "a rule for what comes in names no peer"
        for block in opening.blocks:
            yield f"it is reached from the addresses {block.cidr}"
        for word in (*opening.entities, *opening.others):
            yield f"it is reached from {word}"
        for peer in opening.pods:
            if peer not in known:
                where = "namespaces not named" if peer.namespace is None else peer.namespace or "its namespace"
                yield f"it is reached from pods that the definition does not name, in {where}: {dict(peer.labels)}"
        if not opening.ports:
            yield "a rule for what comes in names no ports"


RULE = Rule(
    id="ingress-known",
    severity="error",
    why="Whoever reaches an agent can spend its budget and talk it into things; the gateway knows who asks.",
    fix="Name callers in exposure.callers.",
    kinds=POLICIES,
    judge=_judge,
    field=("exposure",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_GATEWAY = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}},
    "podSelector": {"matchLabels": {"role": "api-gateway"}},
}
PASSING = (
    of_agent(network_policy()),
    of_agent(network_policy(ingress=[{"from": [_GATEWAY], "ports": [{"port": 8080}]}])),
    alone(cilium_policy(ingress=[{}])),
)
FAILING = (
    of_agent(network_policy(ingress=[{"ports": [{"port": 8080}]}])),
    of_agent(network_policy(ingress=[{}])),
    of_agent(network_policy(ingress=[{"from": [_GATEWAY]}])),
    of_agent(network_policy(ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 8080}]}])),
    of_agent(network_policy(ingress=[{"from": [{"namespaceSelector": {}}], "ports": [{"port": 8080}]}])),
    of_agent(network_policy(ingress=[{"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}], "ports": [{"port": 8080}]}])),
    of_agent(cilium_policy(ingress=[{"fromEntities": ["cluster"], "toPorts": [{"ports": [{"port": "8080"}]}]}])),
    of_pool(network_policy(ingress=[{"from": [_GATEWAY], "ports": [{"port": 8080}]}])),
)
