"""NetworkPolicies: nothing in, nothing out, but what the definition explains."""

from __future__ import annotations

from components.definition.addresses import Endpoint, Peer
from components.resolve.resolved import ResolvedAgent
from components.specs.names import NAMESPACE_LABEL, Manifest, metadata, selector

HTTPS = 443
# Plain NetworkPolicies know no host names. The honest minimum: HTTPS to public addresses only, so never to a private
# network, to nodes, or to the metadata service of a cloud (169.254.169.254, fd00:ec2::254).
_PRIVATE_V4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
)
_PRIVATE_V6 = ("::1/128", "fc00::/7", "fe80::/10")


def network_policy(agent: ResolvedAgent) -> Manifest:
    """Who may reach the agent's pods, and what they may reach. A suspended agent: nobody and nothing."""
    spec: Manifest = {
        "podSelector": {"matchLabels": selector(agent)},
        "policyTypes": ["Ingress", "Egress"],
    }
    # Left out when empty, which allows nothing: the API server drops empty lists, and would see a change in each apply.
    if not agent.suspended:
        spec |= {name: rules for name, rules in (("ingress", _ingress(agent)), ("egress", _egress(agent))) if rules}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata(agent), "spec": spec}


def peer(of: Peer) -> Manifest:
    """Pods by their namespace and labels."""
    return _pods(of.namespace, of.labels)


def _pods(namespace: str, labels: dict[str, str]) -> Manifest:
    return {
        "namespaceSelector": {"matchLabels": {NAMESPACE_LABEL: namespace}},
        "podSelector": {"matchLabels": labels},
    }


def _agents(namespace: str, name: str) -> Manifest:
    return _pods(namespace, {"app.kubernetes.io/name": name} if name else {"role": "agent"})


def _ingress(agent: ResolvedAgent) -> list[Manifest]:
    rules: list[Manifest] = []
    if agent.serves:
        callers = [peer(agent.settings.gateway)] if agent.exposure.gateway else []
        callers += [_agents(namespace, name) for namespace, name in agent.exposure.agents]
        if callers:
            rules.append({"from": callers, "ports": [_tcp(agent.port)]})
    if agent.metrics_path:
        rules.append({"from": [peer(agent.settings.scraper)], "ports": [_tcp(agent.metrics_port)]})
    return rules


def _egress(agent: ResolvedAgent) -> list[Manifest]:
    dns = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]
    rules: list[Manifest] = [{"to": [peer(agent.settings.dns)], "ports": dns}]
    if agent.hosts:
        public = [
            {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(_PRIVATE_V4)}},
            {"ipBlock": {"cidr": "::/0", "except": list(_PRIVATE_V6)}},
        ]
        rules.append({"to": public, "ports": [_tcp(HTTPS)]})
    for reached in agent.endpoints:
        rules.append({"to": [_endpoint(reached.endpoint)], "ports": [_tcp(reached.endpoint.port)]})
    if agent.calls:
        rules.append({"to": [_agents(namespace, name) for namespace, name in agent.calls]})
    return rules


def _endpoint(endpoint: Endpoint) -> Manifest:
    if endpoint.cidr:
        return {"ipBlock": {"cidr": endpoint.cidr}}
    return _pods(endpoint.namespace or "", endpoint.labels or {})


def _tcp(port: int) -> Manifest:
    return {"protocol": "TCP", "port": port}
