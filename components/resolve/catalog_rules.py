"""What must hold within the catalog, beyond each entry by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

from components.definition.findings import Finding, nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.yaml_reader import KeyPath
from components.resolve.access_rules import access_findings
from components.resolve.egress_rules import catalog_egress_findings
from components.resolve.log_rules import log_findings
from components.resolve.mesh_rules import catalog_mesh_findings
from components.resolve.objective_rules import objective_findings
from components.resolve.own_alerts import catalog_series_findings
from components.resolve.package_rules import package_findings
from components.resolve.routing_rules import routing_findings
from components.resolve.secret_rules import catalog_secret_findings
from components.resolve.templates import PLACEHOLDER, known_placeholders

Report = Iterator[Finding]
MAX_STACK_NAME = 100
_QUEUE_PLACEHOLDERS = frozenset({"name", "length"})


def catalog_findings(catalog: Catalog) -> list[Finding]:
    """Everything that is wrong with the catalog as a whole."""
    return [finding for rule in _RULES for finding in rule(catalog)]


def _placeholders(catalog: Catalog) -> Report:
    known = known_placeholders()
    for kind, name, path, template in _templates(catalog):
        allowed = _QUEUE_PLACEHOLDERS if kind == "queues" else known
        for word in PLACEHOLDER.findall(template):
            if word not in allowed:
                hint = nearest(word, allowed) or f" There is: {one_of(allowed, 20)}."
                message = f"unknown placeholder {{{word}}}.{hint}"
                yield catalog.documents[kind].finding((name, *path), "unknown-placeholder", message)


def _templates(catalog: Catalog) -> Iterator[tuple[str, str, KeyPath, str]]:
    for kind, fields in (
        ("runtimes", ("env",)),
        ("providers", ("env",)),
        ("plugins", ("env",)),
        ("queues", ("metadata", "env")),
    ):
        for name, entry in catalog.entries[kind].items():
            for field in fields:
                for key, template in (getattr(entry, field) or {}).items():
                    yield kind, name, (field, key), template
            for index, template in enumerate(getattr(entry, "args", None) or ()):
                yield kind, name, ("args", index), template


def _one_image(catalog: Catalog) -> Report:
    document = catalog.documents["runtimes"]
    for name, runtime in catalog.entries["runtimes"].items():
        if bool(runtime.image) == bool(runtime.build):
            yield document.finding((name,), "either-or", f"{name}: give image or build, and not both", key=True)
        if runtime.build and not runtime.base_image:
            yield document.finding((name,), "missing-key", f"{name}: a build needs base_image", key=True)


def _endpoints(catalog: Catalog) -> Report:
    for kind in ("databases", "queues"):
        for name, entry in catalog.entries[kind].items():
            at = entry.endpoint
            if bool(at.cidr) == bool(at.namespace):
                message = f"{name}: an endpoint is a cidr, or a namespace with labels"
                yield catalog.documents[kind].finding((name, "endpoint"), "either-or", message)
            if at.namespace and not at.labels:
                message = f"{name}: say by labels which pods of the namespace {at.namespace}"
                yield catalog.documents[kind].finding((name, "endpoint"), "missing-key", message)


def _authentication(catalog: Catalog) -> Report:
    for name, queue in catalog.entries["queues"].items():
        for parameter, env in queue.authentication.items():
            if env not in queue.secrets:
                message = f"{name}: {env} is not among the queue's secrets; there is {one_of(queue.secrets)}"
                yield catalog.documents["queues"].finding(
                    (name, "authentication", parameter), "unknown-variable", message
                )


def _clusters(catalog: Catalog) -> Report:
    document = catalog.documents["pools"]
    for name, pool in catalog.pools.items():
        for environment, clusters in (pool.clusters or {}).items():
            known = catalog.environments[environment].clusters
            for index, cluster in enumerate(clusters):
                if cluster not in known:
                    message = f"{environment} has no cluster {cluster!r}; there is {one_of(known)}"
                    yield document.finding((name, "clusters", environment, index), "unknown-cluster", message)


def _namespaces_apart(catalog: Catalog) -> Report:
    """Two pools, or two environments, in one namespace of one cluster would own each other's objects."""
    seen: dict[tuple[str, str], str] = {}
    for name, pool in catalog.pools.items():
        for environment in catalog.pool_environments(name):
            entry = catalog.environments[environment]
            for cluster in pool_clusters(catalog, name, environment):
                if cluster not in entry.clusters:  # said by _clusters
                    continue
                where = (entry.clusters[cluster].context, (pool.namespace or name) + (entry.namespace_suffix or ""))
                what = f"{name} in {environment}"
                if len(where[1]) > 63:
                    message = f"the namespace of {what}, {where[1]}, is longer than 63 characters"
                    yield catalog.documents["pools"].finding((name,), "wrong-name", message, key=True)
                if where in seen:
                    message = (
                        f"{what} and {seen[where]} both use the namespace {where[1]} of {where[0]}; "
                        "give the pool another namespace, or the environment a namespace_suffix"
                    )
                    yield catalog.documents["pools"].finding((name,), "namespace-shared", message, key=True)
                seen[where] = what


def _suffixes_apart(catalog: Catalog) -> Report:
    """Cluster-wide objects bear the suffix: environments that share a cluster need different ones."""
    seen: dict[tuple[str, str], str] = {}
    for name, environment in catalog.environments.items():
        for cluster in environment.clusters.values():
            where = (cluster.context, environment.namespace_suffix or "")
            if seen.setdefault(where, name) != name:
                message = f"{name} and {seen[where]} share the cluster {cluster.context}; give one a namespace_suffix"
                yield catalog.documents["environments"].finding((name,), "namespace-shared", message, key=True)


def _stack_names(catalog: Catalog) -> Report:
    """A stack is named `environment.cluster.pool.shard`, and Pulumi takes so many characters."""
    for name in catalog.pools:
        for environment in catalog.pool_environments(name):
            for cluster in pool_clusters(catalog, name, environment):
                several = len(catalog.environments[environment].clusters) > 1
                longest = ".".join([environment, *([cluster] if several else []), name, "99"])
                if len(longest) > MAX_STACK_NAME:
                    message = (
                        f"the stack {longest} would have {len(longest)} characters, and Pulumi takes {MAX_STACK_NAME}; "
                        "shorten the name of the environment, the cluster or the pool"
                    )
                    yield catalog.documents["pools"].finding((name,), "name-too-long", message, key=True)


def _waves_rise(catalog: Catalog) -> Report:
    for name, environment in catalog.environments.items():
        waves = environment.rollout.waves
        if any(later <= earlier for earlier, later in pairwise(waves)):
            message = f"{name}: each wave reaches further than the one before; {waves} does not rise"
            yield catalog.documents["environments"].finding((name, "rollout", "waves"), "waves-fall", message)


def pool_clusters(catalog: Catalog, pool: str, environment: str) -> list[str]:
    """The clusters of an environment that a pool runs in: those it names, or the first."""
    chosen = (catalog.pools[pool].clusters or {}).get(environment)
    return list(chosen) if chosen else list(catalog.environments[environment].clusters)[:1]


_RULES: tuple[Callable[[Any], Report], ...] = (
    _placeholders,
    _one_image,
    _endpoints,
    _authentication,
    _clusters,
    _namespaces_apart,
    _suffixes_apart,
    _stack_names,
    _waves_rise,
    catalog_egress_findings,
    catalog_mesh_findings,
    package_findings,
    catalog_series_findings,
    objective_findings,
    routing_findings,
    log_findings,
    access_findings,
    catalog_secret_findings,
)
