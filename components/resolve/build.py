"""Definition + catalog + environment → resolved agent."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from components.definition.catalog import Plugin, Provider, Runtime
from components.definition.findings import Finding, nearest, one_of
from components.definition.load import Catalog, LoadedAgent, beside
from components.resolve.layers import Layers
from components.resolve.resolved import (
    Exposure,
    Image,
    LanguageModel,
    Prompt,
    QueueScaling,
    Reached,
    ReachedEndpoint,
    ResolvedAgent,
    Resources,
    Scaling,
    Schedule,
    Secret,
    Volume,
)
from components.resolve.rules import raw_findings, resolved_findings

Shared = dict[tuple[str, ...], dict[str, Any]]
PLACEHOLDER = re.compile(r"\{([a-z_.]+)\}")
_ELIZA_PACKAGES = ("@elizaos/plugin-bootstrap", "@elizaos/plugin-sql")


def resolve(
    agent: LoadedAgent, environment: str, catalog: Catalog, shared: Shared | None = None
) -> tuple[ResolvedAgent | None, list[Finding]]:
    """The agent as it is in `environment`, and what is wrong with it there; None when it cannot be resolved.

    The names that the definition uses must exist (`references.agent_references` found nothing). `shared` may be kept
    between calls with the same catalog: it remembers what agents of a kind have in common.
    """
    layers = Layers(catalog, agent, environment)
    merged = layers.merged({} if shared is None else shared)
    findings = list(raw_findings(merged, layers, catalog))
    if findings:
        return None, findings
    resolved = _build(merged, layers, findings)
    findings += resolved_findings(resolved, layers, catalog)
    return (None if any(one.severity == "error" for one in findings) else resolved), findings


def _build(merged: dict[str, Any], layers: Layers, findings: list[Finding]) -> ResolvedAgent:
    agent, catalog, environment = layers.agent, layers.catalog, layers.environment
    runtime: Runtime = catalog.entries["runtimes"][agent.raw["runtime"]]
    pool = catalog.pools[agent.pool]
    env_entry = catalog.environments[environment]
    model = _model(merged, runtime, catalog, layers, findings)
    provider: Provider | None = catalog.entries["providers"][model.provider] if model and model.provider else None
    channels = merged.get("channels") or {}
    character, plugins, packages = _character(merged, runtime, provider, layers, findings)
    namespace = (pool.namespace or agent.pool) + (env_entry.namespace_suffix or "")
    port = merged["port"]
    words = _words(agent, environment, namespace, port, model, merged)
    defaults = catalog.settings.alerts.model_dump(exclude_none=True)
    alerts = {**defaults, **(merged.get("alerts") or {})}
    volume = (merged.get("storage") or {}).get("volume")
    databases = (merged.get("storage") or {}).get("databases") or []
    schedule = merged.get("schedule")
    metrics = merged.get("metrics") or {}
    probes = merged["probes"]
    exposure = merged["exposure"]
    return ResolvedAgent(
        name=agent.name,
        pool=agent.pool,
        environment=environment,
        environment_suffix=env_entry.namespace_suffix or "",
        namespace=namespace,
        file=agent.file,
        description=agent.raw["description"],
        owner=agent.raw["owner"],
        runtime=agent.raw["runtime"],
        tier=layers.tier,
        image=_image(merged, runtime, packages, agent, catalog),
        model=model,
        prompt=_prompt(merged, agent),
        character=character,
        packages=packages,
        polling=tuple(sorted(name for name in channels if catalog.entries["channels"][name].polling)),
        channels=tuple(sorted(channels)),
        plugins=plugins,
        secrets=_secrets(merged, runtime, provider, plugins, databases, layers, findings),
        secret_settings=env_entry.secrets,
        env=_env(merged, runtime, provider, plugins, words, catalog),
        resources=_resources(merged),
        scaling=_scaling(merged, catalog),
        budget=merged.get("budget") or {},
        port=port,
        liveness=probes.get("liveness", ""),
        readiness=probes.get("readiness", ""),
        startup_seconds=probes["startup_seconds"],
        metrics_path=metrics.get("path", ""),
        metrics_port=metrics.get("port", port),
        serves=runtime.serves,
        hosts=_hosts(merged, runtime, provider, plugins, catalog),
        endpoints=_endpoints(merged, databases, catalog),
        alerts=alerts,
        own_alerts={name: value for name, value in alerts.items() if value != defaults.get(name)},
        labels=merged.get("labels") or {},
        annotations=merged.get("annotations") or {},
        schedule=Schedule(schedule["start"], schedule["stop"], schedule["timezone"]) if schedule else None,
        suspended=_suspended(merged, layers, provider),
        restarts=merged["restarts"],
        volume=Volume(volume["size"], volume["path"], volume.get("storage_class", "")) if volume else None,
        databases=tuple(sorted(databases)),
        knowledge={path: agent.texts.get(path, "") for path in _knowledge(merged, agent)},
        exposure=Exposure(
            exposure.get("host", ""),
            exposure["path"],
            "gateway" in exposure["callers"],
            _namespaced((caller for caller in exposure["callers"] if caller != "gateway"), layers),
        ),
        calls=_namespaced(merged.get("calls") or (), layers),
        user=runtime.user,
        command=tuple(runtime.command or ()),
        args=tuple(fill(word, words) for word in runtime.args or ()),
        config=runtime.config,
        scratch=tuple(runtime.scratch or ()),
        grace_seconds=runtime.grace_seconds,
        settings=catalog.settings,
    )


def fill(template: str, words: dict[str, str]) -> str:
    """A catalog template with its {placeholders} filled in; the catalog check has seen that they are known."""
    return PLACEHOLDER.sub(lambda match: words[match[1]], template) if "{" in template else template


def _words(
    agent: LoadedAgent,
    environment: str,
    namespace: str,
    port: int,
    model: LanguageModel | None,
    merged: dict[str, Any],
) -> dict[str, str]:
    budget = merged.get("budget") or {}
    return {
        "name": agent.name,
        "pool": agent.pool,
        "environment": environment,
        "namespace": namespace,
        "owner": agent.raw["owner"],
        "port": str(port),
        "model.provider": model.provider if model else "",
        "model.name": model.name if model else "",
        "model.max_tokens": str(model.max_tokens) if model else "",
        "model.temperature": str(model.temperature) if model else "",
        "budget.tokens_per_day": str(budget.get("tokens_per_day", "")),
        "budget.cost_per_day": str(budget.get("cost_per_day", "")),
    }


def known_placeholders() -> frozenset[str]:
    """The words that catalog templates may use in braces."""
    nobody = LoadedAgent("", "", None, {"owner": ""}, {}, {}, {})  # type: ignore[arg-type]
    return frozenset(_words(nobody, "", "", 0, None, {}))


def _model(
    merged: dict[str, Any], runtime: Runtime, catalog: Catalog, layers: Layers, findings: list[Finding]
) -> LanguageModel | None:
    given = merged["model"]
    if not runtime.needs_model:
        return None
    providers: dict[str, Provider] = catalog.entries["providers"]
    name, provider = given.get("name", ""), given.get("provider")
    offering = [one for one, entry in providers.items() if name in entry.models and provider in (None, one)]
    if not name:
        message = f"model.name is missing; the runtime {layers.agent.raw['runtime']} calls a model"
        findings.append(layers.finding(("model", "name"), "missing-key", message))
    elif not offering:
        allowed = [model for one, entry in providers.items() if provider in (None, one) for model in entry.models]
        hint = nearest(name, allowed) or f" Offered: {one_of(allowed)}."
        by = f"the provider {provider}" if provider else "any provider"
        findings.append(layers.finding(("model", "name"), "unknown-model", f"no model {name!r} of {by}.{hint}"))
    elif len(offering) > 1:
        message = f"{name} is offered by {one_of(offering)}; say which with model.provider"
        findings.append(layers.finding(("model", "name"), "ambiguous-model", message))
    else:
        most = providers[offering[0]].models[name].max_output_tokens
        if given["max_tokens"] > most:
            message = f"model.max_tokens: {given['max_tokens']} is more than {name} can answer ({most})"
            findings.append(layers.finding(("model", "max_tokens"), "out-of-range", message))
        return LanguageModel(offering[0], name, given["max_tokens"], float(given["temperature"]))
    return LanguageModel("", name, given["max_tokens"], float(given["temperature"]))


def _prompt(merged: dict[str, Any], agent: LoadedAgent) -> Prompt | None:
    given = merged.get("prompt")
    if not given or not ("text" in given or "file" in given):
        return None
    text = given["text"] if "text" in given else agent.texts.get(beside(agent.file, given["file"]) or "", "")
    return Prompt(text, given.get("version", ""), given.get("variables") or {})


def _character(
    merged: dict[str, Any], runtime: Runtime, provider: Provider | None, layers: Layers, findings: list[Finding]
) -> tuple[dict[str, Any] | None, tuple[str, ...], tuple[str, ...]]:
    """The character with the plugins that it needs, the catalog's plugins in use, and the npm packages."""
    catalog, agent = layers.catalog, layers.agent
    known: dict[str, Plugin] = catalog.entries["plugins"]
    chosen = list(merged.get("plugins") or ())
    if not runtime.eliza:
        return None, tuple(sorted(chosen)), ()
    given = merged.get("character")
    if not given:
        message = f"character is missing; the runtime {agent.raw['runtime']} needs one"
        findings.append(layers.finding(("character",), "missing-key", message))
        return None, (), ()
    character = (
        given["inline"] if "inline" in given else agent.characters.get(beside(agent.file, given["file"]) or "", {})
    )
    by_package = {entry.package: name for name, entry in known.items() if entry.package}
    channels = catalog.entries["channels"]
    of_channels = {entry.plugin: name for name, entry in channels.items() if entry.plugin}
    of_providers = {entry.plugin for entry in catalog.entries["providers"].values() if entry.plugin}
    for package in character.get("plugins") or ():
        if package in by_package:
            chosen.append(by_package[package])
        elif package in of_channels and of_channels[package] not in (merged.get("channels") or {}):
            name = of_channels[package]
            message = f"the character asks for {package}, so the agent needs `channels: {{{name}: {{}}}}`"
            findings.append(layers.finding(("character",), "missing-key", message))
        elif package not in of_channels and package not in of_providers and package not in _ELIZA_PACKAGES:
            allowed = [one for one in (*by_package, *of_channels, *of_providers) if one]
            message = f"the character asks for the unknown plugin {package!r}.{nearest(package, allowed)}"
            findings.append(layers.finding(("character",), "unknown-plugin", message))
    packages = {*_ELIZA_PACKAGES, *(known[name].package or "" for name in chosen)}
    packages |= {channels[name].plugin or "" for name in merged.get("channels") or ()}
    if provider and provider.plugin:
        packages.add(provider.plugin)
    packages.discard("")
    ordered = tuple(sorted(packages))
    return {**character, "plugins": list(ordered)}, tuple(sorted(set(chosen))), ordered


def _image(
    merged: dict[str, Any], runtime: Runtime, packages: tuple[str, ...], agent: LoadedAgent, catalog: Catalog
) -> Image:
    if "image" in merged:
        return Image(merged["image"], "")
    registry = catalog.settings.registry
    if "build" in merged:
        context = beside(agent.file, merged["build"]["context"]) or ""
        parts: dict[str, Any] = {
            "context": agent.contexts.get(context, ""),
            "dockerfile": merged["build"].get("dockerfile", ""),
        }
        repository = f"{registry}/{agent.pool}-{agent.name}"
    elif runtime.image:
        return Image(runtime.image, "")
    else:
        parts = {"context": catalog.contexts[runtime.build or ""]}
        repository = f"{registry}/{runtime.build}"
    parts |= {
        "args": runtime.build_args or {},
        "base": catalog.settings.base_images.get(runtime.base_image or "", ""),
        "packages": [f"{name}@{_version(name, runtime, catalog)}" for name in packages],
        "user": runtime.user,
    }
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    record = catalog.records.get(digest)
    return Image(f"{repository}@{record.digest}" if record else f"{repository}:{digest[:16]}", digest)


def _version(package: str, runtime: Runtime, catalog: Catalog) -> str:
    """The version that the catalog pins for an npm package; the elizaOS version when it pins none."""
    for entry in catalog.entries["plugins"].values():
        if entry.package == package and entry.version:
            return str(entry.version)
    for kind in ("providers", "channels"):
        for entry in catalog.entries[kind].values():
            if entry.plugin == package and entry.plugin_version:
                return str(entry.plugin_version)
    return (runtime.build_args or {}).get("ELIZA_VERSION", "")


def _secrets(
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


def _env(
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
    for _, channel in sorted((merged.get("channels") or {}).items()):
        env |= (channel or {}).get("env") or {}
    env |= merged.get("env") or {}
    return {name: env[name] for name in sorted(env)}


def _resources(merged: dict[str, Any]) -> Resources:
    given = merged["resources"]
    requests, limits = given["requests"], given["limits"]
    return Resources(requests["cpu"], requests["memory"], limits["cpu"], limits["memory"])


def _scaling(merged: dict[str, Any], catalog: Catalog) -> Scaling:
    given = merged["scaling"]
    queue = given.get("queue")
    scaler = None
    if queue:
        spec = catalog.entries["queues"][queue["source"]]
        scaler = QueueScaling(queue["source"], spec, queue["name"], queue["length"])
    return Scaling(given["min"], given["max"], given.get("cpu", 0), given.get("memory", 0), scaler)


def _hosts(
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
    for name in plugins:
        for host in catalog.entries["plugins"][name].hosts or ():
            why.setdefault(host, f"plugin {name}")
    return tuple(Reached(host, why[host]) for host in sorted(why))


def _endpoints(merged: dict[str, Any], databases: Iterable[str], catalog: Catalog) -> tuple[ReachedEndpoint, ...]:
    found = [ReachedEndpoint(catalog.entries["databases"][name].endpoint, f"database {name}") for name in databases]
    queue = (merged.get("scaling") or {}).get("queue")
    if queue:
        found.append(ReachedEndpoint(catalog.entries["queues"][queue["source"]].endpoint, f"queue {queue['source']}"))
    return tuple(sorted(found, key=lambda one: one.why))


def _knowledge(merged: dict[str, Any], agent: LoadedAgent) -> list[str]:
    return [beside(agent.file, name) or "" for name in merged.get("knowledge") or ()]


def _namespaced(references: Iterable[str], layers: Layers) -> tuple[tuple[str, str], ...]:
    """`pool/agent` and `pool/*` as (namespace, agent or empty) in the layers' environment."""
    suffix = layers.catalog.environments[layers.environment].namespace_suffix or ""
    found = set()
    for reference in references:
        pool, name = reference.split("/")
        entry = layers.catalog.pools.get(pool)
        found.add((((entry.namespace if entry else None) or pool) + suffix, "" if name == "*" else name))
    return tuple(sorted(found))


def _suspended(merged: dict[str, Any], layers: Layers, provider: Provider | None) -> str:
    catalog, agent = layers.catalog, layers.agent
    if merged["suspended"]:
        return "the agent"
    if catalog.pools[agent.pool].suspended:
        return f"pool {agent.pool}"
    if catalog.environments[layers.environment].suspended:
        return f"environment {layers.environment}"
    if provider and provider.suspended:
        return "the model's provider"
    for name in merged.get("channels") or ():
        if catalog.entries["channels"][name].suspended:
            return f"channel {name}"
    return ""
