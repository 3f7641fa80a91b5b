"""Every way out names who is there."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.address_ranges import CLOSED_V4
from policies.example import alone, cilium_policy, network_policy
from policies.network_rules import POLICIES, openings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for opening in openings(manifest, "egress"):
        if opening.anyone:
            yield "a rule for what goes out names no peer"
        for pods in opening.pods:
            if pods.namespace is None:
                yield "a rule lets out to namespaces that it does not name"
            elif not pods.labels:
                yield f"a rule lets out to every pod of {pods.namespace or 'the namespace'}"
            elif not pods.exact:
                yield "a rule lets out to pods by an expression, not by their labels"
        for entity in opening.entities:
            yield f"a rule lets out to the entity {entity}"
        for other in opening.others:
            yield f"a rule lets out by {other}, which Roster does not use"


RULE = Rule(
    id="egress-peers-named",
    severity="error",
    why="A rule that names nobody means everybody.",
    fix="Name hosts, agents in `calls`, or a database or queue of the catalog.",
    kinds=POLICIES,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

PASSING = (
    alone(network_policy()),
    alone(network_policy(egress=[{"to": [{"podSelector": {"matchLabels": {"app": "a"}}}]}])),
    alone(
        network_policy(
            egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": list(CLOSED_V4)}}], "ports": [{"port": 443}]}]
        )
    ),
    alone(cilium_policy(egress=[{"toEndpoints": [{"matchLabels": {"k8s:app": "a"}}]}])),
)
FAILING = (
    alone(network_policy(egress=[{"ports": [{"port": 443}]}])),
    alone(network_policy(egress=[{"to": []}])),
    alone(network_policy(egress=[{"to": [{"namespaceSelector": {}}]}])),
    alone(network_policy(egress=[{"to": [{"podSelector": {}}]}])),
    alone(
        network_policy(
            egress=[{"to": [{"namespaceSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}}]}]
        )
    ),
    alone(cilium_policy(egress=[{"toEndpoints": [{}]}])),
    alone(cilium_policy(egress=[{"toEntities": ["cluster"]}])),
    alone(cilium_policy(egress=[{"toPorts": [{"ports": [{"port": "443"}]}]}])),
    alone(cilium_policy(egress=[{"toServices": [{"k8sService": {"serviceName": "kubernetes"}}]}])),
)
