"""What may pass between an agent and others, before any kind of policy says it in its own words."""

from __future__ import annotations

from dataclasses import dataclass

from components.definition.addresses import Endpoint
from components.definition.network import ProxyEgress
from components.resolve.resolved import ResolvedAgent
from components.specs.names import AGENT_ROLE

DNS_PORTS = (("UDP", 53), ("TCP", 53))


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods of a namespace that bear all of these labels."""

    namespace: str
    labels: dict[str, str]


@dataclass(frozen=True, slots=True)
class Range:
    """Addresses outside of the cluster."""

    cidr: str


@dataclass(frozen=True, slots=True)
class Flow:
    """Connections with any of these parties at any of these ports (protocol, number); all ports with none."""

    parties: tuple[Pods | Range, ...]
    ports: tuple[tuple[str, int], ...] = ()


def inbound(agent: ResolvedAgent) -> list[Flow]:
    """Who may call the agent, and who scrapes it; nobody while it is suspended."""
    if agent.suspended:
        return []
    flows = []
    if agent.serves:
        gateway = agent.settings.gateway
        callers = [Pods(gateway.namespace, gateway.labels)] if agent.exposure.gateway else []
        callers += [_agents(namespace, name) for namespace, name in agent.exposure.agents]
        if callers:
            flows.append(Flow(tuple(callers), (("TCP", agent.port),)))
    if agent.metrics_path:
        scraper = agent.settings.scraper
        flows.append(Flow((Pods(scraper.namespace, scraper.labels),), (("TCP", agent.metrics_port),)))
    return flows


def names(agent: ResolvedAgent) -> list[Flow]:
    """The cluster's DNS; not while the agent is suspended."""
    dns = agent.settings.dns
    return [] if agent.suspended else [Flow((Pods(dns.namespace, dns.labels),), DNS_PORTS)]


def outbound(agent: ResolvedAgent) -> list[Flow]:
    """What the agent reaches by labels or addresses: the proxy where there is one, databases, queues, other agents."""
    if agent.suspended:
        return []
    flows = [_proxy(agent.proxy, agent.pool)] if agent.proxy else []
    flows += [Flow((_at(one.endpoint),), (("TCP", one.endpoint.port),)) for one in agent.endpoints]
    if agent.calls:
        flows.append(Flow(tuple(_agents(namespace, name) for namespace, name in agent.calls)))
    return flows


def _proxy(proxy: ProxyEgress, pool: str) -> Flow:
    at = Pods(proxy.pods.namespace, proxy.pods.labels) if proxy.pods else Range(proxy.cidr or "")
    return Flow((at,), (("TCP", proxy.ports[pool]),))


def _agents(namespace: str, name: str) -> Pods:
    return Pods(namespace, {"app.kubernetes.io/name": name} if name else {"role": AGENT_ROLE})


def _at(endpoint: Endpoint) -> Pods | Range:
    return Range(endpoint.cidr) if endpoint.cidr else Pods(endpoint.namespace or "", endpoint.labels or {})
