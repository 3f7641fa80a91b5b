"""Public host names: not the platform's own, and not those that the catalog keeps for another pool."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from components.definition.findings import Finding, one_of
from components.definition.load_catalog import Catalog
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent

_HOST = re.compile(r"https?://([a-z0-9.-]+)")


def address_findings(agent: ResolvedAgent, layers: Layers) -> Iterator[Finding]:
    """What is wrong with the public host name of an agent."""
    host, catalog = agent.exposure.host, layers.catalog
    if not host:
        return
    problem = _problem(host, agent.pool, catalog)
    if problem:
        yield layers.finding(("exposure", "host"), "address-of-another", f"exposure.host: {host} {problem}")


def keeps(pool: str, host: str, catalog: Catalog) -> bool:
    """Whether the catalog gives a host name to a pool by its `domains`."""
    return any(_below(host, domain) for domain in catalog.pools[pool].domains or ())


def _problem(host: str, pool: str, catalog: Catalog) -> str:
    if host in _platform_hosts(catalog):
        return "is one of the platform's own, by the catalog; choose a name that is the agent's"
    own = catalog.pools[pool].domains
    if own is not None and not keeps(pool, host, catalog):
        return f"is not for agents of {pool}, whose names lie at or below {one_of(own)} (domains in pools.yaml)"
    for name in catalog.pools:
        if own is None and keeps(name, host, catalog):
            return f"is for agents of {name} (domains in agents/catalog/pools.yaml)"
    return ""


def _below(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")


def _platform_hosts(catalog: Catalog) -> set[str]:
    """Hosts of all addresses that the platform's settings and the environments name, and the registry's."""
    found: set[str] = {catalog.settings.registry.split("/")[0]}
    for part in (catalog.documents["settings"].value, catalog.documents["environments"].value):
        found.update(host for text in _texts(part) for host in _HOST.findall(text))
    return found


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _texts(one)
    elif isinstance(value, list):
        for one in value:
            yield from _texts(one)
