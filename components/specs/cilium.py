"""Cilium's policies, where an environment has Cilium: they hold agents to the names of their hosts."""

from __future__ import annotations

import ipaddress

from components.definition.address_ranges import CLOSED_V4, CLOSED_V6, IPNetwork, within
from components.definition.network import CiliumEgress
from components.resolve.resolved import ResolvedAgent
from components.specs.flows import Flow, Pods, Range, inbound, names, outbound
from components.specs.names import Manifest, metadata, selector

HTTPS = "443"
# What CLOSED_V4 is within 0.0.0.0/0, and of IPv6 what is no public address and can be reached at all.
_CLOSED = (*CLOSED_V4, *CLOSED_V6, "64:ff9b::/96", "64:ff9b:1::/48", "fc00::/7", "fe80::/10")
# The label by which Cilium knows a pod's namespace, and the source of labels that come from Kubernetes.
_NAMESPACE = "k8s:io.kubernetes.pod.namespace"


def cilium_network_policy(agent: ResolvedAgent) -> Manifest | None:
    """All that the agent's pods may do, hosts by name; None where the environment's clusters have no Cilium.

    A suspended agent: nothing. An empty rule matches nobody, and closes its direction.
    """
    egress = agent.network.egress
    if not isinstance(egress, CiliumEgress):
        return None
    out = [_resolver(flow, agent, egress.cluster_domain) for flow in names(agent)]
    if agent.hosts and not agent.suspended:
        out.append({"toFQDNs": _host_names(agent), "toPorts": [{"ports": [{"port": HTTPS, "protocol": "TCP"}]}]})
    out += [_rule("to", flow) for flow in outbound(agent)]
    spec: Manifest = {
        "endpointSelector": {"matchLabels": selector(agent)},
        "ingress": [_rule("from", flow) for flow in inbound(agent)] or [{}],
        "egress": out or [{}],
        # The owner of a host decides where its name leads: never into the company, whatever DNS answers.
        "egressDeny": [{"toCIDRSet": _denied(agent)}],
    }
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata(agent), "spec": spec}


def _resolver(flow: Flow, agent: ResolvedAgent, cluster_domain: str) -> Manifest:
    """DNS for just these names, so that no question carries data out. The cluster answers its own names itself.

    Resolvers try each host below the cluster's domain first, and some give up when that is refused.
    """
    rule = _rule("to", flow)
    rule["toPorts"][0]["rules"] = {"dns": [*_host_names(agent), {"matchPattern": f"**.{cluster_domain}"}]}
    return rule


def _host_names(agent: ResolvedAgent) -> list[Manifest]:
    return [{"matchName": reached.host} for reached in agent.hosts]


def _rule(side: str, flow: Flow) -> Manifest:
    rule: Manifest = {}
    pods = [_endpoints(one) for one in flow.parties if isinstance(one, Pods)]
    ranges = [{"cidr": one.cidr} for one in flow.parties if isinstance(one, Range)]
    if pods:
        rule[f"{side}Endpoints"] = pods
    if ranges:
        rule[f"{side}CIDRSet"] = ranges
    if flow.ports:
        rule["toPorts"] = [{"ports": [{"port": str(port), "protocol": protocol} for protocol, port in flow.ports]}]
    return rule


def _endpoints(pods: Pods) -> Manifest:
    labels = {f"k8s:{key}": value for key, value in pods.labels.items()}
    return {"matchLabels": {_NAMESPACE: pods.namespace, **labels}}


def _denied(agent: ResolvedAgent) -> list[Manifest]:
    """The closed ranges, less the databases and queues within them: a denial wins over everything that allows."""
    opened = [
        ipaddress.ip_network(one.cidr) for flow in outbound(agent) for one in flow.parties if isinstance(one, Range)
    ]
    blocks = (_block(ipaddress.ip_network(closed), opened) for closed in _CLOSED)
    return [block for block in blocks if block]


def _block(closed: IPNetwork, opened: list[IPNetwork]) -> Manifest | None:
    """One closed range; None when all of it is opened."""
    if any(within(closed, one) for one in opened):
        return None
    inside = sorted({str(one) for one in opened if within(one, closed)})
    return {"cidr": str(closed)} | ({"except": inside} if inside else {})
