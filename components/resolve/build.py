"""Definition + catalog + environment → resolved agent."""

from __future__ import annotations

from typing import Any

from components.definition.findings import Finding, nearest, one_of
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.offers import Provider
from components.definition.places import beside
from components.definition.runtime import Runtime
from components.resolve.connections import endpoints_of, env_of, hosts_of, namespaced, proxy_variables, secrets_of
from components.resolve.eliza import character_of
from components.resolve.identity import identity_of, reaching
from components.resolve.image import image_of
from components.resolve.layers import Layers
from components.resolve.resolved import (
    Exposure,
    LanguageModel,
    Prompt,
    ProviderAccess,
    QueueScaling,
    ResolvedAgent,
    Resources,
    Scaling,
    Schedule,
    Volume,
)
from components.resolve.rules import raw_findings, resolved_findings
from components.resolve.templates import fill, words_of

Shared = dict[tuple[str, ...], dict[str, Any]]


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
    identity = identity_of(merged, env_entry)
    model = _model(merged, runtime, catalog, layers, findings)
    provider: Provider | None = catalog.entries["providers"][model.provider] if model and model.provider else None
    channels = merged.get("channels") or {}
    character, plugins, packages = character_of(merged, runtime, provider, layers, findings)
    namespace = (pool.namespace or agent.pool) + (env_entry.namespace_suffix or "")
    port = merged["port"]
    words = words_of(agent, environment, namespace, port, model, merged)
    defaults = catalog.settings.alerts.model_dump(exclude_none=True)
    alerts = {**defaults, **(merged.get("alerts") or {})}
    volume = (merged.get("storage") or {}).get("volume")
    databases = (merged.get("storage") or {}).get("databases") or []
    schedule = merged.get("schedule")
    metrics = merged.get("metrics") or {}
    probes = merged["probes"]
    exposure = merged["exposure"]
    calls = namespaced(merged.get("calls") or (), layers)
    hosts = reaching(hosts_of(merged, runtime, provider, plugins, catalog), identity)
    proxied = proxy_variables(env_entry.network, agent.pool, namespace, calls, hosts)
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
        image=image_of(merged, runtime, packages, agent, catalog),
        model=model,
        provider=_provider(model, provider),
        prompt=_prompt(merged, agent),
        character=character,
        packages=packages,
        polling=tuple(sorted(name for name in channels if catalog.entries["channels"][name].polling)),
        channels=tuple(sorted(channels)),
        plugins=plugins,
        secrets=secrets_of(merged, runtime, provider, plugins, databases, layers, findings),
        secret_settings=env_entry.secrets,
        network=env_entry.network,
        identity=identity,
        env=env_of(merged, runtime, provider, plugins, words, catalog) | proxied,
        resources=_resources(merged),
        scaling=_scaling(merged, catalog),
        budget=merged.get("budget") or {},
        service=merged.get("service") or {},
        port=port,
        liveness=probes.get("liveness", ""),
        readiness=probes.get("readiness", ""),
        startup_seconds=probes["startup_seconds"],
        metrics_path=metrics.get("path", ""),
        metrics_port=metrics.get("port", port),
        serves=runtime.serves,
        hosts=hosts,
        endpoints=endpoints_of(merged, databases, catalog),
        alerts=alerts,
        own_alerts={name: value for name, value in alerts.items() if value != defaults.get(name)},
        alert_rules=merged.get("alert_rules") or {},
        own_series=metrics.get("series") or {},
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
            namespaced((caller for caller in exposure["callers"] if caller != "gateway"), layers),
        ),
        calls=calls,
        user=runtime.user,
        command=tuple(runtime.command or ()),
        args=tuple(fill(word, words) for word in runtime.args or ()),
        config=runtime.config,
        scratch=tuple(runtime.scratch or ()),
        secret_files=runtime.secret_files or "",
        grace_seconds=runtime.grace_seconds,
        settings=catalog.settings,
    )


def _provider(model: LanguageModel | None, provider: Provider | None) -> ProviderAccess | None:
    if model is None or provider is None or provider.api is None:
        return None
    prices = provider.models[model.name]
    return ProviderAccess(
        provider.api,
        provider.base_url or "",
        min(provider.secrets, default=""),
        prices.input_per_million,
        prices.output_per_million,
    )


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
        temperature: float | None = float(given["temperature"])
        if not providers[offering[0]].models[name].temperature:
            temperature = None
            if any("temperature" in (values.get("model") or {}) for values in layers.own):
                message = f"model.temperature: {name} takes none, so this has no effect"
                findings.append(layers.finding(("model", "temperature"), "no-effect", message))
        return LanguageModel(offering[0], name, given["max_tokens"], temperature)
    return LanguageModel("", name, given["max_tokens"], float(given["temperature"]))


def _prompt(merged: dict[str, Any], agent: LoadedAgent) -> Prompt | None:
    given = merged.get("prompt")
    if not given or not ("text" in given or "file" in given):
        return None
    text = given["text"] if "text" in given else agent.texts.get(beside(agent.file, given["file"]) or "", "")
    return Prompt(text, given.get("version", ""), given.get("variables") or {})


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


def _knowledge(merged: dict[str, Any], agent: LoadedAgent) -> list[str]:
    return [beside(agent.file, name) or "" for name in merged.get("knowledge") or ()]


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
