"""What an agent reaches is what its definition names."""

from __future__ import annotations

from collections.abc import Iterator

from components.definition.network import Network
from components.resolve.resolved import ResolvedAgent
from policies.example import cilium_policy, network_policy, of_agent, of_pool
from policies.network_rules import POLICIES, Pods, agents, openings, pods_of
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    if agent is not None:
        pods, ranges = _named(agent)
        hosts = {one.host for one in agent.hosts}
    elif subject.pool and subject.catalog is not None:
        network = subject.catalog.environments[subject.environment].network
        pods, ranges, hosts = set(_control_plane(network)), set(), set()
    else:
        return
    # Public ranges stand for hosts where nothing knows their names; elsewhere they would be a way around the names.
    ranges_for_hosts = bool(hosts) and agent is not None and agent.network.egress.kind == "minimum"
    for opening in openings(manifest, "egress"):
        for peer in opening.pods:
            if peer not in pods:
                where = f"{peer.namespace or 'its namespace'}: {dict(peer.labels)}"
                yield f"it reaches pods that neither the definition nor the catalog names, in {where}"
        for block in opening.blocks:
            if block.cidr not in ranges and not (block.excluded and ranges_for_hosts):
                yield f"it reaches {block.cidr}, which neither the definition nor the catalog names"
        for name in opening.names:
            if name not in hosts:
                yield f"it reaches {name}, which neither the definition nor the catalog names"


def _named(agent: ResolvedAgent) -> tuple[set[Pods], set[str | None]]:
    pods = {pods_of(agent.settings.dns.namespace, agent.settings.dns.labels)}
    pods |= {agents(namespace, name) for namespace, name in agent.calls}
    ranges: set[str | None] = set()
    for one in agent.endpoints:
        if one.endpoint.cidr:
            ranges.add(one.endpoint.cidr)
        else:
            pods.add(pods_of(one.endpoint.namespace or "", one.endpoint.labels or {}))
    if agent.proxy:
        ranges.add(agent.proxy.cidr)
        if agent.proxy.pods:
            pods.add(pods_of(agent.proxy.pods.namespace, agent.proxy.pods.labels))
    pods.update(_control_plane(agent.network))
    return pods, ranges


def _control_plane(network: Network) -> Iterator[Pods]:
    """What the sidecars of a pool's pods need."""
    if network.mesh:
        yield pods_of(network.mesh.control_plane.namespace, network.mesh.control_plane.labels)


RULE = Rule(
    id="egress-known",
    severity="error",
    why="A way out that no definition explains is one that no reviewer saw.",
    fix="Name it in the definition: hosts, calls, databases or a queue.",
    kinds=POLICIES,
    judge=_judge,
    field=("hosts",),
    source="NSA/CISA 2022, Network separation and hardening, Network policies",
)

_PUBLIC = network_policy(egress=[{"to": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8"]}}]}])
PASSING = (
    of_agent(_PUBLIC),
    of_agent(network_policy()),
    of_agent(
        network_policy(
            egress=[
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                        }
                    ]
                }
            ]
        )
    ),
    of_agent(cilium_policy(egress=[{"toFQDNs": [{"matchName": "api.anthropic.com"}]}])),
)
FAILING = (
    of_agent(_PUBLIC, network=Network.model_validate({"egress": {"kind": "cilium"}})),
    of_agent(_PUBLIC, hosts=()),
    of_agent(
        network_policy(
            egress=[
                {
                    "to": [
                        {
                            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
                            "podSelector": {"matchLabels": {"app": "postgres"}},
                        }
                    ]
                }
            ]
        )
    ),
    of_agent(network_policy(egress=[{"to": [{"ipBlock": {"cidr": "10.20.0.0/24"}}]}])),
    of_agent(cilium_policy(egress=[{"toFQDNs": [{"matchName": "evil.example.com"}]}])),
    of_pool(_PUBLIC),
)
