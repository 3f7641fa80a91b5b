"""What NetworkPolicies and Cilium's policies let in and out, in one form for the rules that judge it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from components.resolve.resolved import ResolvedAgent
from policies.manifest_reading import mapping, mappings, sequence, text
from policies.rule import Manifest

IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network
Side = Literal["ingress", "egress"]

CILIUM = frozenset({"CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy"})
POLICIES = frozenset({"NetworkPolicy", *CILIUM})
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
_CILIUM_NAMESPACES = ("k8s:io.kubernetes.pod.namespace", "io.kubernetes.pod.namespace")
_PEERS = {"ingress": "from", "egress": "to"}


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods that a peer selects. `namespace` is empty for the policy's own; None when the selector does not name one.

    `labels` are empty when it takes all pods there; `exact` is False when it selects by anything but equal labels.
    """

    namespace: str | None
    labels: tuple[tuple[str, str], ...]
    exact: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A range of addresses without some parts; `network` is None when it cannot be read."""

    cidr: str
    excluded: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """One rule of a policy. `anyone`: it names no peers, so it means all. `ports`: whether it names ports.

    `entities`, `names` and `patterns` are Cilium's: classes of peers, host names, and patterns of host names.
    """

    anyone: bool
    ports: bool
    pods: tuple[Pods, ...] = ()
    blocks: tuple[Block, ...] = ()
    entities: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


def openings(manifest: Manifest, side: Side) -> list[Opening]:
    """What a policy opens on one side; the empty list for nothing."""
    if manifest.get("kind") == "NetworkPolicy":
        return [_plain(rule, _PEERS[side]) for rule in mappings(manifest, "spec", side)]
    specs = [mapping(manifest, "spec"), *mappings(manifest, "specs")]
    # An empty rule opens nothing: it is how Cilium is told to close a side.
    return [_cilium(rule, _PEERS[side]) for spec in specs for rule in mappings(spec, side) if rule]


def _plain(rule: dict[str, Any], key: str) -> Opening:
    peers = mappings(rule, key)
    blocks = [_block(peer["ipBlock"]) for peer in peers if isinstance(peer.get("ipBlock"), dict)]
    pods = [_pods(peer) for peer in peers if "ipBlock" not in peer]
    ports = mappings(rule, "ports")
    named = bool(ports) and all(port.get("port") for port in ports)
    return Opening(not peers, named, tuple(pods), tuple(blocks))


def _pods(peer: dict[str, Any]) -> Pods:
    spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    labels = tuple(sorted((str(key), str(value)) for key, value in mapping(pods, "matchLabels").items()))
    exact = not sequence(pods, "matchExpressions") and not sequence(spaces, "matchExpressions")
    if spaces is None:
        return Pods("", labels, exact)
    chosen = mapping(spaces, "matchLabels")
    namespace = chosen.get(NAMESPACE_LABEL)
    return Pods(namespace if isinstance(namespace, str) and namespace else None, labels, exact and len(chosen) == 1)


def _block(value: dict[str, Any]) -> Block:
    return Block(str(value.get("cidr")), tuple(str(one) for one in sequence(value, "except")))


def _cilium(rule: dict[str, Any], key: str) -> Opening:
    peers = {name: value for name, value in rule.items() if str(name).startswith(key) and name != "toPorts"}
    pods = [_cilium_pods(one) for one in mappings(rule, f"{key}Endpoints")]
    blocks = [Block(str(one), ()) for one in sequence(rule, f"{key}CIDR")]
    blocks += [_block(one) for one in mappings(rule, f"{key}CIDRSet")]
    hosts = mappings(rule, f"{key}FQDNs")
    ports = [port for group in mappings(rule, "toPorts") for port in mappings(group, "ports")]
    known = {f"{key}{kind}" for kind in ("Endpoints", "CIDR", "CIDRSet", "Entities", "FQDNs", "Requires")}
    return Opening(
        # An empty list selects nobody in some versions of Cilium, and everybody in others.
        not any(peers.values()),
        bool(ports) and all(port.get("port") not in (None, "", "0", 0) for port in ports),
        tuple(pods),
        tuple(blocks),
        tuple(str(one) for one in sequence(rule, f"{key}Entities")),
        tuple(text(one, "matchName") for one in hosts if one.get("matchName")),
        tuple(text(one, "matchPattern") for one in hosts if one.get("matchPattern")),
        tuple(sorted(map(str, peers.keys() - known))),
    )


def _cilium_pods(selector: dict[str, Any]) -> Pods:
    labels = {str(key): str(value) for key, value in mapping(selector, "matchLabels").items()}
    namespace = next((labels.pop(key) for key in _CILIUM_NAMESPACES if key in labels), "")
    plain = tuple(sorted((key.removeprefix("k8s:"), value) for key, value in labels.items()))
    return Pods(namespace, plain, not sequence(selector, "matchExpressions"))


@lru_cache(maxsize=4096)
def network(cidr: str) -> IPNetwork | None:
    """A range of addresses; None for what is none. IPv4 written as IPv6 is IPv4."""
    try:
        found = ipaddress.ip_network(cidr, strict=False)
    except ValueError:
        return None
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is not None and found.prefixlen >= 96:
        return ipaddress.IPv4Network((int(mapped), found.prefixlen - 96))
    return found


def within(inner: IPNetwork, outer: IPNetwork | None) -> bool:
    """Whether a range lies in another."""
    return outer is not None and inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


def reaching(*places: str) -> Callable[[Block], tuple[IPNetwork, ...]]:
    """A function that says which of these ranges lie wholly in a block and in none of its excluded parts."""
    networks = tuple(ipaddress.ip_network(place) for place in places)

    # The same few blocks stand in every policy.
    @lru_cache(maxsize=1024)
    def reached(block: Block) -> tuple[IPNetwork, ...]:
        outer = network(block.cidr)
        excluded = [network(one) for one in block.excluded]
        return tuple(
            place for place in networks if within(place, outer) and not any(within(place, one) for one in excluded)
        )

    return reached


def peers_in(agent: ResolvedAgent) -> Iterator[Pods]:
    """Who may call the agent by its definition and the catalog: the gateway, its callers and who scrapes it."""
    settings = agent.settings
    if agent.exposure.gateway:
        yield pods_of(settings.gateway.namespace, settings.gateway.labels)
    if agent.metrics_path:
        yield pods_of(settings.scraper.namespace, settings.scraper.labels)
    for namespace, name in agent.exposure.agents:
        yield agents(namespace, name)


def pods_of(namespace: str, labels: dict[str, str]) -> Pods:
    """The pods that catalog and definition name."""
    return Pods(namespace, tuple(sorted(labels.items())))


def agents(namespace: str, name: str) -> Pods:
    """An agent's pods, or with no name those of all agents of a namespace."""
    return pods_of(namespace, {"app.kubernetes.io/name": name} if name else {"role": "agent"})
