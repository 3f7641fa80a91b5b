"""What a cluster holds, as engines that judge network policies want it: pods, addresses, policies and questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from components.definition.places import agent_of
from components.fleet import Fleet
from components.resolve.catalog_rules import pool_clusters
from components.specs import Manifest, agent_manifests, pool_manifests

NAME_LABEL = "kubernetes.io/metadata.name"
WEB, SSH = ("TCP", 443), ("TCP", 22)
# Each with what one would try there. Addresses that documents may use stand for the public ones.
ADDRESSES: dict[str, tuple[str, tuple[tuple[str, int], ...]]] = {
    "provider": ("198.51.100.7", (WEB,)),
    "provider over IPv6": ("2001:db8::7", (WEB,)),
    "arbitrary host": (
        "203.0.113.99",
        (WEB, SSH, ("TCP", 80), ("TCP", 25), ("TCP", 53), ("UDP", 53), ("UDP", 443), ("TCP", 8443)),
    ),
    "arbitrary host over IPv6": ("2001:db8:ffff::99", (("TCP", 80), ("UDP", 53))),
    "API server": ("10.0.0.10", (WEB, ("TCP", 6443))),
    "API server's Service": ("10.96.0.1", (WEB,)),
    "metadata address": ("169.254.169.254", (WEB, ("TCP", 80))),
    "metadata address over IPv6": ("fd00:ec2::254", (WEB, ("TCP", 80))),
    "credentials address": ("169.254.170.23", (WEB, ("TCP", 80))),
    "node": ("10.0.1.20", (WEB, SSH, ("TCP", 10250))),
    "private 172": ("172.16.5.4", (WEB,)),
    "private 192": ("192.168.1.1", (WEB,)),
    "carrier": ("100.64.0.1", (WEB,)),
    "Alibaba's metadata address": ("100.100.100.200", (WEB,)),
    "Azure's wire server": ("168.63.129.16", (WEB, ("TCP", 80))),
    "IPv4 within IPv6": ("::ffff:10.0.0.10", (WEB,)),
    "IPv4 behind NAT64": ("64:ff9b::a9fe:a9fe", (WEB,)),
    "loopback": ("127.0.0.9", (WEB,)),
    "private IPv6": ("fd12::1", (WEB,)),
    "link-local IPv6": ("fe80::1", (WEB,)),
    "beside a database's range": ("10.20.1.5", (("TCP", 5432),)),
}


@dataclass(frozen=True, slots=True)
class Peer:
    """A pod, or with an empty namespace an address outside of the cluster, which DNS gave for `hosts`."""

    name: str
    address: str
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    account: str = "default"
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """One question: may `source` open a connection to `target`?"""

    source: str
    target: str
    protocol: str
    port: int

    def __str__(self) -> str:
        return f"{self.source} → {self.target} {self.protocol} {self.port}"


@dataclass(frozen=True, slots=True)
class World:
    """A cluster: its peers by name, its namespaces with their labels, its policies, and the questions about it."""

    name: str
    peers: dict[str, Peer]
    namespaces: dict[str, dict[str, str]]
    policies: list[Manifest]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Placed:
    """An agent in a cluster, as its pods are seen: the port they listen on, and that of metrics."""

    peer: Peer
    environment: str
    pool: str
    name: str
    ports: tuple[int, ...]


def contexts(fleet: Fleet) -> list[str]:
    """Every cluster of the catalog."""
    return sorted({one.context for entry in fleet.catalog.environments.values() for one in entry.clusters.values()})


def world_of(fleet: Fleet, context: str) -> tuple[World, list[Placed]]:
    """All environments and pools of one cluster, and its agents; an agent with errors fails the test."""
    namespaces: dict[str, dict[str, str]] = {}
    policies: list[Manifest] = []
    placed: list[Placed] = []
    pools = list(_pools(fleet, context))
    for environment, pool in pools:
        for manifest in pool_manifests(pool, environment, fleet.catalog):
            if manifest["kind"] == "Namespace":
                meta = manifest["metadata"]
                namespaces[meta["name"]] = {**meta["labels"], NAME_LABEL: meta["name"]}
            policies.append(manifest)
    for path in fleet.definitions:
        pool, name = agent_of(path)
        here = [environment for environment, other in pools if other == pool]
        examined = fleet.examine(path, here)
        assert not [one for one in examined.findings if one.severity == "error"], [*map(str, examined.findings)]
        for environment, agent in examined.resolved.items():
            manifests = agent_manifests(agent)
            policies += manifests
            template = next(one for one in manifests if one["kind"] == "Deployment")["spec"]["template"]
            ports = sorted({one["containerPort"] for one in template["spec"]["containers"][0]["ports"]})
            address = f"10.244.{len(placed) // 200 + 1}.{len(placed) % 200 + 1}"
            account = template["spec"]["serviceAccountName"]
            peer = Peer(f"{agent.namespace}/{name}", address, agent.namespace, template["metadata"]["labels"], account)
            placed.append(Placed(peer, environment, pool, name, tuple(ports)))
    peers = _neighbours(fleet, namespaces) | {one.peer.name: one.peer for one in placed}
    for peer in peers.values():
        if peer.namespace:
            namespaces.setdefault(peer.namespace, {NAME_LABEL: peer.namespace})
    cells = tuple(sorted(set(_cells(peers, placed, set(namespaces)))))
    return World(context, peers, namespaces, policies, cells), placed


def of_kind(world: World, kind: str) -> list[Manifest]:
    """The world's policies of one kind."""
    return [manifest for manifest in world.policies if manifest["kind"] == kind]


def _pools(fleet: Fleet, context: str) -> Iterator[tuple[str, str]]:
    for pool in fleet.catalog.pools:
        for environment in fleet.catalog.pool_environments(pool):
            clusters = fleet.catalog.environments[environment].clusters
            if any(clusters[one].context == context for one in pool_clusters(fleet.catalog, pool, environment)):
                yield environment, pool


def _neighbours(fleet: Fleet, pool_namespaces: dict[str, dict[str, str]]) -> dict[str, Peer]:
    """Everything that is no agent: what agents need, what looks like it, and what nobody should reach."""
    settings = fleet.catalog.documents["settings"].value
    found: dict[str, tuple[str, str, dict[str, str]]] = {
        name: (address, "", {}) for name, (address, _) in ADDRESSES.items()
    }
    pods: dict[str, tuple[str, dict[str, str]]] = {
        "gateway": (settings["gateway"]["namespace"], settings["gateway"]["labels"]),
        "gateway's twin elsewhere": ("default", settings["gateway"]["labels"]),
        "gateway's neighbour": (settings["gateway"]["namespace"], {"app": "other"}),
        "scraper": (settings["scraper"]["namespace"], settings["scraper"]["labels"]),
        "scraper's twin elsewhere": ("default", settings["scraper"]["labels"]),
        "DNS": (settings["dns"]["namespace"], settings["dns"]["labels"]),
        "DNS's neighbour": (settings["dns"]["namespace"], {"app": "other"}),
        "an agent's twin elsewhere": ("default", {"role": "agent"}),
        "stranger": ("default", {}),
    }
    for kind in ("databases", "queues"):
        for name in fleet.catalog.entries[kind]:
            endpoint = fleet.catalog.raw(kind, name)["endpoint"]
            if "cidr" in endpoint:
                found[f"{kind} {name}"] = (endpoint["cidr"].split("/")[0][:-1] + "5", "", {})
            else:
                pods[f"{kind} {name}"] = (endpoint["namespace"], endpoint["labels"])
    accounts: dict[str, str] = {}
    for environment in fleet.catalog.environments:
        network = fleet.catalog.raw("environments", environment).get("network") or {}
        if "mesh" in network:
            accounts["gateway"] = network["mesh"]["gateway_account"].split("/")[1]
            peer = network["mesh"]["control_plane"]
            pods[f"istiod of {environment}"] = (peer["namespace"], peer["labels"])
        proxy = (network.get("egress") or {}).get("pods")
        if proxy:
            pods[f"proxy of {environment}"] = (proxy["namespace"], proxy["labels"])
    pods |= {f"no agent in {namespace}": (namespace, {"app": "other"}) for namespace in pool_namespaces}
    for index, (name, (namespace, labels)) in enumerate(sorted(pods.items())):
        found[name] = (f"10.244.0.{index + 1}", namespace, labels)
    return {name: Peer(name, *rest, accounts.get(name, "default")) for name, rest in found.items()}


def _cells(peers: dict[str, Peer], placed: list[Placed], namespaces: set[str]) -> Iterator[Cell]:
    agents = {one.peer.name: one for one in placed}
    tried: dict[str, tuple[tuple[str, int], ...]] = {name: ports for name, (_, ports) in ADDRESSES.items()}
    for name in peers.keys() - agents.keys() - tried.keys():
        if name.startswith("DNS"):
            tried[name] = (("UDP", 53), ("TCP", 53), WEB)
        elif name.startswith(("databases", "queues")):
            tried[name] = (("TCP", 5432), ("TCP", 6379), SSH)
        elif name.startswith(("istiod", "proxy")):
            tried[name] = (("TCP", 15012), ("TCP", 15010), ("TCP", 3129), ("TCP", 3130), WEB)
        else:
            tried[name] = (WEB, ("TCP", 8080))
    for agent in placed:
        for name, ports in tried.items():
            yield from (Cell(agent.peer.name, name, *port) for port in ports)
            # A kubelet reaches the pods of its own node past all policies; from other nodes nothing comes.
            others = (22, 15008) if name in ("gateway", "scraper", "stranger") else ()
            yield from (Cell(name, agent.peer.name, "TCP", port) for port in (*agent.ports, *others))
        for other in agents.values():
            if other is not agent:
                yield from (Cell(agent.peer.name, other.peer.name, "TCP", port) for port in (*other.ports, 22))
    for namespace in namespaces:
        walled = f"no agent in {namespace}"
        if walled in peers:
            yield from (Cell(walled, name, *tried[name][0]) for name in ("provider", "DNS", "stranger", "node"))
            yield from (Cell(name, walled, "TCP", 8080) for name in ("gateway", "scraper", "stranger", "provider"))


def without(world: World, **changes: Any) -> World:
    """The world with other policies, under another name."""
    return World(**{slot: changes.get(slot, getattr(world, slot)) for slot in World.__slots__})
