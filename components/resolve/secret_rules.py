"""Whose secrets an agent may name, what a store can call them, and values that stand where no secret belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from components.definition.findings import Finding, one_of
from components.definition.load_catalog import Catalog
from components.definition.pasted_secrets import is_plain, names_secret
from components.definition.secret_stores import FLAT_SEPARATOR, FLAT_STORES, AzureStore
from components.definition.yaml_reader import KeyPath
from components.resolve.layers import Layers
from components.resolve.resolved import ResolvedAgent
from components.resolve.templates import PLACEHOLDER

Report = Iterator[Finding]
_FLAT_PATH = re.compile(r"[a-z0-9]([a-z0-9/-]*[a-z0-9])?")
# The longest name that each store takes, by its makers' documentation.
_LONGEST = {"kubernetes": 253, "gcp": 255, "azure": 127, "aws": 512}
# As which the platform's own reader asks; no pool can have this name.
_PLATFORM = "platform"


def secret_findings(agent: ResolvedAgent, layers: Layers) -> Report:
    """What is wrong with the secrets of a resolved agent. What a definition may not name is not repeated."""
    foreign = dict(_foreign(layers))
    for path in foreign:
        yield layers.finding(path, "secret-of-another", _not_theirs(path, layers))
    yield from _values(layers)
    paths = {(env, reference.partition("#")[0]) for env, reference in foreign.values()}
    prefix = agent.secret_settings.prefix
    for secret in agent.secrets:
        if (secret.env, secret.path.removeprefix(f"{prefix}/") if prefix else secret.path) not in paths:
            message = _no_name(secret.path, agent)
            if message:
                yield layers.finding(("secrets", secret.env), "wrong-name", message)


def catalog_secret_findings(catalog: Catalog) -> Report:
    """What is wrong with the catalog's stores, and secrets' values among its variables."""
    for name, environment in catalog.environments.items():
        store = environment.secrets.store
        if isinstance(store, AzureStore) and store.client is None:
            known = store.clients or {}
            readers = [pool for pool in catalog.pools if name in catalog.pool_environments(pool)]
            if catalog.settings.monitoring.routing:
                readers.append(_PLATFORM)
            missing = [reader for reader in readers if reader not in known]
            if missing:
                message = (
                    f"{name}: nobody says which identity reads the secrets of {one_of(missing)}; "
                    "give secrets.store.clients, or one client for all"
                )
                yield catalog.documents["environments"].finding((name, "secrets", "store"), "missing-key", message)
    for kind in ("runtimes", "providers", "plugins", "queues", "tiers", "pools", "environments"):
        for name in catalog.entries[kind]:
            raw = catalog.raw(kind, name)
            holders: list[tuple[KeyPath, Mapping[str, Any] | None]] = [((name, "env"), raw.get("env"))]
            holders.append(((name, "defaults", "env"), (raw.get("defaults") or {}).get("env")))
            for place, variables in holders:
                for variable in _holding(variables):
                    message = _way_out(".".join(map(str, place)), variable)
                    yield catalog.documents[kind].finding((*place, variable), "secret-in-env", message)


def may_name(path: str, pool: str, catalog: Catalog) -> bool:
    """Whether definitions of a pool may name a path in the store, given without the environment's prefix."""
    entry = catalog.pools[pool]
    below = path.startswith((f"{pool}/", f"{entry.owner}/"))
    return below or any(path == one or path.startswith(f"{one}/") for one in entry.secret_paths or ())


def _foreign(layers: Layers) -> Iterator[tuple[KeyPath, tuple[str, str]]]:
    """Where the definition itself names a path that is neither its pool's nor its owner's, with variable and path.

    The owner is the pool's: that of a definition is its author's to choose. What the catalog names is its consent.
    """
    pool, catalog = layers.agent.pool, layers.catalog
    for values in layers.own:
        for env, reference in (values.get("secrets") or {}).items():
            if not may_name(reference.partition("#")[0], pool, catalog):
                yield ("secrets", env), (env, reference)
        for name, channel in (values.get("channels") or {}).items():
            path = (channel or {}).get("secret")
            if path and not may_name(path, pool, catalog):
                for env in catalog.entries["channels"][name].secrets:
                    yield ("channels", name, "secret"), (env, path)


def _not_theirs(path: KeyPath, layers: Layers) -> str:
    pool = layers.agent.pool
    owner = layers.catalog.pools[pool].owner
    own = [f"{pool}/"] if owner == pool else [f"{pool}/", f"{owner}/"]
    also = [*own, *(layers.catalog.pools[pool].secret_paths or ())]
    return (
        f"{'.'.join(map(str, path))}: this path is not the pool's. Agents of {pool} may name what lies below "
        f"{one_of(also)}; a provider's, database's or plugin's secret comes with naming it, and other paths are for "
        "the platform team to add to the pool's secret_paths"
    )


def _no_name(path: str, agent: ResolvedAgent) -> str:
    """Why a path is no name in the agent's store; empty when it is one."""
    store = agent.secret_settings.store
    flat = isinstance(store, FLAT_STORES)
    if flat and (FLAT_SEPARATOR in path or not _FLAT_PATH.fullmatch(path)):
        return (
            f"the secret {path} has no name in the {store.kind} store of {agent.environment}, which takes lower-case "
            "letters, digits and single hyphens, with slashes between"
        )
    length = len(path.replace("/", FLAT_SEPARATOR)) if flat else len(path)
    if length > _LONGEST.get(store.kind, length):
        return (
            f"the name of the secret {path} would have {length} characters in the {store.kind} store of "
            f"{agent.environment}, which takes {_LONGEST[store.kind]}"
        )
    return ""


def _values(layers: Layers) -> Report:
    """Variables that are named like secrets and hold text: the value would be in Git and in the cluster's objects."""
    for values in layers.own:
        holders: list[tuple[KeyPath, Mapping[str, Any] | None]] = [(("env",), values.get("env"))]
        holders.append((("prompt", "variables"), (values.get("prompt") or {}).get("variables")))
        for name, channel in (values.get("channels") or {}).items():
            holders.append((("channels", name, "env"), (channel or {}).get("env")))
        for place, variables in holders:
            for variable in _holding(variables):
                message = _way_out(".".join(map(str, place)), variable)
                yield layers.finding((*place, variable), "secret-in-env", message)


def _holding(variables: Mapping[str, Any] | None) -> Iterator[str]:
    for variable, value in (variables or {}).items():
        if names_secret(variable) and not is_plain(PLACEHOLDER.sub("", str(value))):
            yield variable


def _way_out(place: str, variable: str) -> str:
    return (
        f"{place}.{variable}: a variable of this name holds a secret, and what stands here is in Git for all to read; "
        "put the value into the secret store and name its path#key in secrets (or rename the variable, if it is none)"
    )
