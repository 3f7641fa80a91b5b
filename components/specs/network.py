"""NetworkPolicies: nothing in, nothing out, but what the definition explains."""

from __future__ import annotations

from components.definition.address_ranges import CLOSED_V4, CLOSED_V6, PUBLIC_V6
from components.resolve.resolved import ResolvedAgent
from components.specs.flows import Flow, Pods, Range, inbound, names, outbound
from components.specs.names import NAMESPACE_LABEL, Manifest, metadata, selector

HTTPS = 443


def network_policy(agent: ResolvedAgent) -> Manifest:
    """Who may reach the agent's pods, and what they may reach. A suspended agent: nobody and nothing."""
    spec: Manifest = {
        "podSelector": {"matchLabels": selector(agent)},
        "policyTypes": ["Ingress", "Egress"],
    }
    ingress = [_rule("from", flow) for flow in inbound(agent)]
    # Left out when empty, which allows nothing: the API server drops empty lists, and would see a change in each apply.
    spec |= {name: rules for name, rules in (("ingress", ingress), ("egress", _egress(agent))) if rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(agent), "spec": spec}


def _egress(agent: ResolvedAgent) -> list[Manifest]:
    kind = agent.network.egress.kind
    reached = [_rule("to", flow) for flow in outbound(agent)]
    if kind == "cilium":
        # Cilium allows what any policy allows: names and hosts are left to its own, which narrows them.
        return reached
    looked_up = [_rule("to", flow) for flow in names(agent)]
    return looked_up + (_public(agent) if kind == "minimum" else []) + reached


def _public(agent: ResolvedAgent) -> list[Manifest]:
    """NetworkPolicies know no host names. The honest minimum: HTTPS to public addresses only."""
    if agent.suspended or not agent.hosts:
        return []
    ranges = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(CLOSED_V4)}},
        {"ipBlock": {"cidr": PUBLIC_V6, "except": list(CLOSED_V6)}},
    ]
    return [{"to": ranges, "ports": [{"protocol": "TCP", "port": HTTPS}]}]


def _rule(side: str, flow: Flow) -> Manifest:
    rule: Manifest = {side: [_party(one) for one in flow.parties]}
    if flow.ports:
        rule["ports"] = [{"protocol": protocol, "port": port} for protocol, port in flow.ports]
    return rule


def _party(party: Pods | Range) -> Manifest:
    if isinstance(party, Range):
        return {"ipBlock": {"cidr": party.cidr}}
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: party.namespace}},
        "podSelector": {"matchLabels": party.labels},
    }
