"""Names that definitions and the catalog use for each other: each must exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from components.definition.findings import Finding, nearest, one_of
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.yaml_reader import Document, KeyPath

_WORDS = {
    "environments": "environment",
    "teams": "team",
    "pools": "pool",
    "tiers": "tier",
    "runtimes": "runtime",
    "providers": "provider",
    "channels": "channel",
    "plugins": "plugin",
    "databases": "database",
    "queues": "queue",
    "base_images": "base image",
}
# What agents choose from, and the catalog may keep for some pools.
OFFERED = ("tiers", "runtimes", "providers", "channels", "plugins", "databases", "queues")


def unknown(
    document: Document, path: KeyPath, name: str, kind: str, allowed: Iterable[str], *, key: bool = False
) -> Finding:
    """A finding for a name that the catalog does not have."""
    allowed = list(allowed)
    hint = nearest(name, allowed) or f" There is: {one_of(allowed)}."
    return document.finding(
        path, f"unknown-{_WORDS[kind].replace(' ', '-')}", f"no {_WORDS[kind]} {name!r}.{hint}", key=key
    )


def agent_references(agent: LoadedAgent, catalog: Catalog) -> list[Finding]:
    """Unknown names in a definition."""
    findings: list[Finding] = []
    document, raw = agent.document, agent.raw
    if agent.pool not in catalog.pools:
        hint = nearest(agent.pool, catalog.pools) or f" There is: {one_of(catalog.pools)}."
        message = f"the folder's name is the pool's, and the catalog has no pool {agent.pool!r}.{hint}"
        findings.append(Finding(agent.file, 1, 1, "unknown-pool", message))
    for path, name, kind in unknown_names(raw, catalog):
        findings.append(unknown(document, path, name, kind, catalog.entries[kind]))
    findings += _environment_findings(agent, catalog)
    return findings


def unknown_names(raw: dict[str, Any], catalog: Catalog) -> list[tuple[KeyPath, str, str]]:
    """Names in a definition, outside of its overrides, that the catalog does not have: path, name and kind."""
    return [(path, name, kind) for path, name, kind in _named(raw) if name not in catalog.entries[kind]]


def _environment_findings(agent: LoadedAgent, catalog: Catalog) -> Iterator[Finding]:
    document, raw = agent.document, agent.raw
    listed = raw.get("environments")
    of_pool = catalog.pool_environments(agent.pool) if agent.pool in catalog.pools else list(catalog.environments)
    for index, name in enumerate(listed or ()):
        if name not in catalog.environments:
            yield unknown(document, ("environments", index), name, "environments", catalog.environments)
        elif name not in of_pool:
            message = f"the pool {agent.pool} does not run in {name}; it runs in {one_of(of_pool)}"
            yield document.finding(("environments", index), "no-effect", message)
    runs_in = listed if listed is not None else of_pool
    for name, settings in (raw.get("overrides") or {}).items():
        if name not in catalog.environments:
            yield unknown(document, ("overrides", name), name, "environments", catalog.environments, key=True)
        elif name not in runs_in:
            message = f"the agent does not run in {name}, so this has no effect; it runs in {one_of(runs_in)}"
            yield document.finding(("overrides", name), "no-effect", message, key=True)
        for path, word, kind in _named_in_settings(settings, ("overrides", name)):
            if word not in catalog.entries[kind]:
                yield unknown(document, path, word, kind, catalog.entries[kind])


def _named(raw: dict[str, Any]) -> Iterator[tuple[KeyPath, str, str]]:
    for key, kind in (("owner", "teams"), ("runtime", "runtimes")):
        if key in raw:
            yield (key,), raw[key], kind
    yield from _named_in_settings(raw, ())


def _named_in_settings(values: dict[str, Any], at: KeyPath) -> Iterator[tuple[KeyPath, str, str]]:
    if "tier" in values:
        yield (*at, "tier"), values["tier"], "tiers"
    if "model" in values and "provider" in values["model"]:
        yield (*at, "model", "provider"), values["model"]["provider"], "providers"
    for name in values.get("channels") or ():
        yield (*at, "channels", name), name, "channels"
    for index, name in enumerate(values.get("plugins") or ()):
        yield (*at, "plugins", index), name, "plugins"
    for index, name in enumerate((values.get("storage") or {}).get("databases") or ()):
        yield (*at, "storage", "databases", index), name, "databases"
    queue = (values.get("scaling") or {}).get("queue")
    if queue:
        yield (*at, "scaling", "queue", "source"), queue["source"], "queues"


def catalog_references(catalog: Catalog) -> list[Finding]:
    """Unknown names in the catalog, and entries that contradict each other."""
    return [
        unknown(catalog.documents[file], path, name, kind, allowed)
        for file, path, name, kind, allowed in _catalog_names(catalog)
        if name not in allowed
    ] + _nobody_answers(catalog)


def _nobody_answers(catalog: Catalog) -> list[Finding]:
    """The platform's own alerts belong to the team platform, with nothing said; not every company has one."""
    document, teams = catalog.documents["settings"], catalog.entries["teams"]
    monitoring = catalog.settings.monitoring
    if "owner" in monitoring.model_fields_set or monitoring.owner in teams:
        return []
    message = (
        f"nobody answers for the platform's own alerts: there is no team {monitoring.owner}; "
        f"say monitoring: {{owner: …}}, one of {one_of(teams)}"
    )
    return [document.finding((), "missing-key", message)]


def _catalog_names(catalog: Catalog) -> Iterator[tuple[str, KeyPath, str, str, Iterable[str]]]:
    entries = catalog.entries
    for kind in ("runtimes", "tiers", "pools", "environments"):
        for name in entries[kind]:
            for path, word, of in _named_in_settings(catalog.raw(kind, name).get("defaults") or {}, (name, "defaults")):
                yield kind, path, word, of, entries[of]
    for name, pool in entries["pools"].items():
        yield "pools", (name, "owner"), pool.owner, "teams", entries["teams"]
        for index, word in enumerate(pool.environments or ()):
            yield "pools", (name, "environments", index), word, "environments", entries["environments"]
        for word in pool.access or ():
            yield "pools", (name, "access", word), word, "teams", entries["teams"]
        for field in ("clusters", "shards"):
            for word in getattr(pool, field) or ():
                yield "pools", (name, field, word), word, "environments", entries["environments"]
    for kind in OFFERED:
        for name, entry in entries[kind].items():
            for index, word in enumerate(entry.pools or ()):
                yield kind, (name, "pools", index), word, "pools", entries["pools"]
    for kind in ("channels", "plugins"):
        for name, entry in entries[kind].items():
            for index, word in enumerate(entry.runtimes):
                yield kind, (name, "runtimes", index), word, "runtimes", entries["runtimes"]
    for name, runtime in entries["runtimes"].items():
        if runtime.base_image:
            yield "runtimes", (name, "base_image"), runtime.base_image, "base_images", catalog.settings.base_images
    if "owner" in catalog.settings.monitoring.model_fields_set:
        yield "settings", ("monitoring", "owner"), catalog.settings.monitoring.owner, "teams", entries["teams"]
    for name, database in entries["databases"].items():
        for index, word in enumerate(database.watched_in or ()):
            yield "databases", (name, "watched_in", index), word, "environments", entries["environments"]
    for file, exception in catalog.exceptions.items():
        yield file, ("owner",), exception.owner, "teams", entries["teams"]
    for file, waiver in catalog.waivers.items():
        yield file, ("owner",), waiver.owner, "teams", entries["teams"]
