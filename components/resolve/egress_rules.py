"""What must hold of the hosts that agents reach, and of what holds them to these in each environment."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from urllib.parse import urlsplit

from components.definition.findings import Finding, one_of
from components.definition.host_names import host_problem
from components.definition.load_catalog import Catalog
from components.definition.network import CiliumEgress, ProxyEgress
from components.resolve.connections import PROXY_VARIABLES
from components.resolve.layers import Layers
from components.resolve.references import unknown
from components.resolve.resolved import ResolvedAgent

Report = Iterator[Finding]
# A pod's policy map in Cilium (bpf-policy-map-max, 16,384 by default) holds an entry for each identity and port. A
# host has an identity for IPv4 and one for IPv6, and more where it shares addresses with others, as behind one CDN:
# 64 a host is far beyond what was ever seen, and leaves the map room.
MAX_CILIUM_HOSTS = 16_384 // 64
_KEYS = ("service", "auth", "jwt", "jwks_url")
_AT = ("network", "egress")
_HOST_AND_PORT = re.compile(r"(.*?)(?::([0-9]*))?", re.DOTALL)


def egress_findings(agent: ResolvedAgent, layers: Layers) -> Report:
    """What is wrong with what an agent reaches."""
    yield from _keys_of_tokens(agent, layers)
    yield from _names_fit(agent, layers)
    yield from _proxy_variables(agent, layers)
    yield from _past_the_proxy(agent, layers)


def _keys_of_tokens(agent: ResolvedAgent, layers: Layers) -> Report:
    """An address that stands in a setting is a host that agents reach, and no way around what holds for hosts."""
    jwt = (agent.service.get("auth") or {}).get("jwt")
    if not jwt:
        return
    address = urlsplit(jwt["jwks_url"])
    host, port = _HOST_AND_PORT.fullmatch(address.netloc).groups()  # type: ignore[union-attr]
    problem = host_problem(host)
    if not problem and (address.scheme, port or "443") != ("https", "443"):
        problem = "agents reach hosts over HTTPS at port 443 only"
    if problem:
        yield layers.finding(_KEYS, "wrong-value", f"{'.'.join(_KEYS)}: {jwt['jwks_url']!r}: {problem}")


def _names_fit(agent: ResolvedAgent, layers: Layers) -> Report:
    if isinstance(agent.network.egress, CiliumEgress) and len(agent.hosts) > MAX_CILIUM_HOSTS:
        message = (
            f"hosts: {len(agent.hosts)} with those of its model, channels and plugins; Cilium holds a pod in "
            f"{agent.environment} to at most {MAX_CILIUM_HOSTS}. Split the agent, or move it to an environment with a "
            "proxy"
        )
        yield layers.finding(("hosts",), "too-large", message)


def _proxy_variables(agent: ResolvedAgent, layers: Layers) -> Report:
    if agent.proxy is None:
        return
    for name in PROXY_VARIABLES:
        if any(name in (values.get("env") or {}) for values in layers.own):
            message = f"env.{name}: the proxy of {agent.environment} sets it to {agent.env[name]}; leave it out"
            yield layers.finding(("env", name), "two-sources", message)


def _past_the_proxy(agent: ResolvedAgent, layers: Layers) -> Report:
    if agent.proxy is None:
        return
    for name in agent.channels:
        if not layers.catalog.entries["channels"][name].proxied:
            message = (
                f"channels.{name}: {agent.environment} lets agents out through a proxy only, and {name} opens "
                "connections that take none: it will not connect there"
            )
            yield layers.finding(("channels", name), "unreachable", message, severity="warning")


def catalog_egress_findings(catalog: Catalog) -> Report:
    """What is wrong with the proxies of environments."""
    for name, environment in catalog.environments.items():
        egress = environment.network.egress
        if isinstance(egress, ProxyEgress):
            yield from _proxy(name, egress, catalog)


def _proxy(environment: str, egress: ProxyEgress, catalog: Catalog) -> Report:
    document = catalog.documents["environments"]
    at = (environment, *_AT)
    if bool(egress.pods) == bool(egress.cidr):
        yield document.finding(at, "either-or", f"{environment}: say by pods or by cidr where the proxy is, not both")
    pools = [pool for pool in catalog.pools if environment in catalog.pool_environments(pool)]
    for pool in sorted(egress.ports.keys() - catalog.pools.keys()):
        yield unknown(document, (*at, "ports", pool), pool, "pools", catalog.pools, key=True)
    missing = [pool for pool in pools if pool not in egress.ports]
    if missing:
        message = (
            f"{environment}: no port of the proxy for {one_of(missing)}; give each pool one of its own, by which the "
            "proxy tells whose hosts hold"
        )
        yield document.finding((*at, "ports"), "missing-key", message)
    for port, pools_there in Counter(egress.ports.values()).items():
        if pools_there > 1:
            taken = [pool for pool, one in egress.ports.items() if one == port]
            message = (
                f"{environment}: {one_of(taken)} share the port {port}, and would share their hosts; give each its own"
            )
            yield document.finding((*at, "ports", taken[-1]), "duplicate-value", message)
