"""What an agent is told and what it reaches: variables, secrets, hosts, addresses, other agents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import urlsplit

from components.definition.findings import Finding
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.network import Network, ProxyEgress
from components.definition.offers import Provider
from components.definition.runtime import Runtime
from components.resolve.layers import Layers
from components.resolve.resolved import (
    Reached,
    ReachedEndpoint,
    Secret,
)
from components.resolve.templates import fill, fill_queue

# Why an agent reaches the host that its callers' tokens are checked with.
CALLERS_KEYS = "the keys of callers' tokens"
# What programs read that can use a proxy; Node reads the rest only when it is told to.
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "NODE_USE_ENV_PROXY")
# What is never beyond a proxy: the pod itself, and names of the cluster.
_NOT_PROXIED = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")


def secrets_of(
    merged: dict[str, Any],
    runtime: Runtime,
    provider: Provider | None,
    plugins: Iterable[str],
    databases: Iterable[str],
    layers: Layers,
    findings: list[Finding],
) -> tuple[Secret, ...]:
    catalog, agent = layers.catalog, layers.agent
    prefix = catalog.environments[layers.environment].secrets.prefix
    found: dict[str, Secret] = {}
    for source, env, reference in _secret_sources(merged, runtime, provider, plugins, databases, catalog, agent):
        path, key = reference.split("#", 1)
        secret = Secret(env, f"{prefix}/{path}" if prefix else path, key, source)
        other = found.setdefault(env, secret)
        if other.reference != secret.reference:
            message = f"{env} comes from {other.source} and from {source}; a variable has one source"
            findings.append(layers.finding(("secrets", env), "two-sources", message))
    return tuple(found[env] for env in sorted(found))


def _secret_sources(
    merged: dict[str, Any],
    runtime: Runtime,
    provider: Provider | None,
    plugins: Iterable[str],
    databases: Iterable[str],
    catalog: Catalog,
    agent: LoadedAgent,
) -> Iterator[tuple[str, str, str]]:
    entries = catalog.entries
    for env, reference in (merged.get("secrets") or {}).items():
        yield "the agent", env, reference
    shared: list[tuple[str, dict[str, str] | None]] = [(f"runtime {agent.raw['runtime']}", runtime.secrets)]
    if provider:
        shared.append(("the model's provider", provider.secrets))
    shared += [(f"plugin {name}", entries["plugins"][name].secrets) for name in plugins]
    shared += [(f"database {name}", entries["databases"][name].secrets) for name in databases]
    queue = (merged.get("scaling") or {}).get("queue")
    if queue:
        shared.append((f"queue {queue['source']}", entries["queues"][queue["source"]].secrets))
    for source, secrets in shared:
        for env, reference in (secrets or {}).items():
            yield source, env, reference
    for name, channel in (merged.get("channels") or {}).items():
        path = (channel or {}).get("secret") or f"{agent.pool}/{agent.name}/{name}"
        for env, key in entries["channels"][name].secrets.items():
            yield f"channel {name}", env, f"{path}#{key}"


def env_of(
    merged: dict[str, Any],
    runtime: Runtime,
    provider: Provider | None,
    plugins: Iterable[str],
    words: dict[str, str],
    catalog: Catalog,
) -> dict[str, str]:
    env: dict[str, str] = {}
    templates = [runtime.env, provider.env if provider else None]
    templates += [catalog.entries["plugins"][name].env for name in plugins]
    for template in templates:
        for name, value in (template or {}).items():
            filled = fill(value, words)
            if filled:
                env[name] = filled
    queue = (merged.get("scaling") or {}).get("queue")
    if queue:
        for name, value in (catalog.entries["queues"][queue["source"]].env or {}).items():
            env[name] = fill_queue(value, queue["name"], queue["length"])
    for _, channel in sorted((merged.get("channels") or {}).items()):
        env |= (channel or {}).get("env") or {}
    env |= merged.get("env") or {}
    return {name: env[name] for name in sorted(env)}


def proxy_variables(
    network: Network, pool: str, namespace: str, calls: Iterable[tuple[str, str]], hosts: Iterable[Reached]
) -> dict[str, str]:
    """The variables that send an agent's HTTPS through the environment's proxy; none where it has none.

    Agents that it calls are reached directly, by the names that the cluster has for their Services.
    """
    egress = network.egress
    if not isinstance(egress, ProxyEgress) or not tuple(hosts):
        return {}
    url = f"http://{egress.host}:{egress.ports[pool]}"
    called = [f"{name}.{space}" for space, name in calls]
    called += [name for space, name in calls if name and space == namespace]
    values = (url, url, ",".join((*_NOT_PROXIED, *called)), "1")
    return dict(sorted(zip(PROXY_VARIABLES, values, strict=True)))


def hosts_of(
    merged: dict[str, Any], runtime: Runtime, provider: Provider | None, plugins: Iterable[str], catalog: Catalog
) -> tuple[Reached, ...]:
    why: dict[str, str] = {}
    for host in merged.get("hosts") or ():
        why.setdefault(host, "declared")
    for host in runtime.hosts or ():
        why.setdefault(host, "the runtime")
    for host in provider.hosts if provider else ():
        why.setdefault(host, "the model's provider")
    for name in merged.get("channels") or ():
        for host in catalog.entries["channels"][name].hosts:
            why.setdefault(host, f"channel {name}")
    jwt = ((merged.get("service") or {}).get("auth") or {}).get("jwt")
    if jwt:
        why.setdefault(urlsplit(jwt["jwks_url"]).hostname or "", CALLERS_KEYS)
    for name in plugins:
        for host in catalog.entries["plugins"][name].hosts or ():
            why.setdefault(host, f"plugin {name}")
    return tuple(Reached(host, why[host]) for host in sorted(why))


def endpoints_of(merged: dict[str, Any], databases: Iterable[str], catalog: Catalog) -> tuple[ReachedEndpoint, ...]:
    found = [ReachedEndpoint(catalog.entries["databases"][name].endpoint, f"database {name}") for name in databases]
    queue = (merged.get("scaling") or {}).get("queue")
    if queue:
        found.append(ReachedEndpoint(catalog.entries["queues"][queue["source"]].endpoint, f"queue {queue['source']}"))
    return tuple(sorted(found, key=lambda one: one.why))


def namespaced(references: Iterable[str], layers: Layers) -> tuple[tuple[str, str], ...]:
    """`pool/agent` and `pool/*` as (namespace, agent or empty) in the layers' environment."""
    suffix = layers.catalog.environments[layers.environment].namespace_suffix or ""
    found = set()
    for reference in references:
        pool, name = reference.split("/")
        entry = layers.catalog.pools.get(pool)
        found.add((((entry.namespace if entry else None) or pool) + suffix, "" if name == "*" else name))
    return tuple(sorted(found))
