"""Rules that only this domain knows, held before anything is rendered. Each says what, where and what to do instead."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from components.definition.findings import Finding, one_of, show
from components.definition.load_catalog import Catalog
from components.definition.runtime import Runtime
from components.definition.yaml_reader import KeyPath
from components.resolve.address_rules import address_findings
from components.resolve.consent_rules import consent_findings
from components.resolve.egress_rules import egress_findings
from components.resolve.identity_rules import identity_findings
from components.resolve.layers import Layers
from components.resolve.mesh_rules import mesh_findings
from components.resolve.own_alerts import own_alert_findings
from components.resolve.quantities import byte_count, cores
from components.resolve.reserved_keys import reserved_key_findings
from components.resolve.resolved import ResolvedAgent
from components.resolve.secret_rules import secret_findings
from components.resolve.service_rules import service_findings
from components.resolve.steering_variables import steering_findings

# A ConfigMap holds 1 MiB with its metadata.
MAX_CONFIG_BYTES = 1_000_000
# What Kubernetes takes as a key of a ConfigMap; 253 characters there, less what Roster puts before it.
_CONFIG_KEY = re.compile(r"[-._a-zA-Z0-9]{1,200}")
# What a Gateway takes as the beginning of a path.
_ROUTE_PATH = re.compile(r"(?:/(?!\.{1,2}(?:/|\Z))(?:[A-Za-z0-9_.~-]|%(?!2[eEfF])[0-9a-fA-F]{2})+)*/?")
# What is there comes with the image or the node: a disk over it would replace programs, keys or their settings.
_SYSTEM_FOLDERS = frozenset(
    {"/bin", "/boot", "/dev", "/etc", "/lib", "/lib32", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr"}
)
_RUN = ("/var/run/", "/var/lib/kubelet/")
# For each field of a cron line what it is, and its least and greatest number; a step stands behind a slash.
_CRON_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_CRON_NUMBERS = re.compile(r"(?<![0-9/])[0-9]+")
Report = Iterator[Finding]


def raw_findings(merged: dict[str, Any], layers: Layers, catalog: Catalog) -> Report:
    """What keeps merged settings from becoming a resolved agent."""
    yield from _complete(merged, layers)
    yield from _either_or(merged, layers)
    yield from identity_findings(merged, layers)
    runtime: Runtime = catalog.entries["runtimes"][layers.agent.raw["runtime"]]
    for kind in ("channels", "plugins"):
        for index, name in enumerate(merged.get(kind) or ()):
            able = catalog.entries[kind][name].runtimes
            if layers.agent.raw["runtime"] not in able:
                path = (kind, name) if kind == "channels" else (kind, index)
                message = f"the runtime {layers.agent.raw['runtime']} has no {kind[:-1]} {name}; {one_of(able)} can"
                yield layers.finding(path, "runtime-cannot", message)
    yield from _without_effect(merged, layers, runtime)
    for key in ("plugins", "hosts", "knowledge"):
        values = merged.get(key) or []
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                yield layers.finding((key, index), "duplicate-value", f"{key}: {value!r} stands here a second time")
            seen.add(value)


def _complete(merged: dict[str, Any], layers: Layers) -> Report:
    for part in ("requests", "limits"):
        for name in ("cpu", "memory"):
            if name not in ((merged.get("resources") or {}).get(part) or {}):
                message = f"resources.{part}.{name} is said nowhere; the tier {layers.tier} should say it"
                yield layers.finding(("resources", part, name), "missing-key", message)


def _either_or(merged: dict[str, Any], layers: Layers) -> Report:
    for key, first, second in (("prompt", "text", "file"), ("character", "inline", "file")):
        given = merged.get(key) or {}
        if first in given and second in given:
            yield layers.finding((key, second), "either-or", f"{key}: give {first} or {second}, not both")
        elif key in merged and first not in given and second not in given:
            yield layers.finding((key,), "missing-key", f"{key}: give {first} or {second}")
    if "image" in merged and "build" in merged:
        yield layers.finding(("build",), "either-or", "give image or build, not both")
    scaling = merged["scaling"]
    if "queue" in scaling and any(
        word in values.get("scaling", {}) for values in layers.own for word in ("cpu", "memory")
    ):
        where = "cpu" if any("cpu" in values.get("scaling", {}) for values in layers.own) else "memory"
        yield layers.finding(("scaling", where), "either-or", "scaling: give queue, or cpu and memory, not both")


def _without_effect(merged: dict[str, Any], layers: Layers, runtime: Runtime) -> Report:
    """A field that would do nothing is refused: its author believes that it does something."""
    name = layers.agent.raw["runtime"]
    config = runtime.config
    reads_prompt = runtime.eliza or (config is not None and config.prompt is not None)
    cases = (
        ("prompt", not reads_prompt, f"the runtime {name} reads no prompt"),
        ("character", not runtime.eliza, f"the runtime {name} has no character"),
        ("knowledge", config is None and not runtime.eliza, f"the runtime {name} reads no knowledge files"),
        ("budget", not runtime.needs_model, f"the runtime {name} calls no model"),
        ("service", not runtime.service, f"the runtime {name} runs no service of Roster's"),
    )
    for key, useless, why in cases:
        if useless and _own(layers, key):
            yield layers.finding((key,), "no-effect", f"{key}: {why}, so this has no effect")
    if not runtime.needs_model and _own(layers, "model"):
        yield layers.finding(
            ("model",), "no-effect", f"model: the runtime {name} calls no model, so this has no effect"
        )
    if "path" not in (merged.get("metrics") or {}) and _own(layers, "metrics"):
        message = f"metrics: the runtime {name} says no path of metrics, so say metrics.path too"
        yield layers.finding(("metrics",), "no-effect", message)
    if not runtime.serves and _own(layers, "exposure"):
        yield layers.finding(("exposure",), "no-effect", f"exposure: agents of the runtime {name} are not called")


def _own(layers: Layers, key: str) -> bool:
    return any(key in values for values in layers.own)


def resolved_findings(agent: ResolvedAgent, layers: Layers, catalog: Catalog) -> Report:
    """What is wrong with a resolved agent."""
    for rule in _RULES:
        yield from rule(agent, layers)
    if agent.exposure.host or agent.exposure.agents or agent.calls:
        yield from _neighbours(agent, layers, catalog)


def _scaling_bounds(agent: ResolvedAgent, layers: Layers) -> Report:
    scaling = agent.scaling
    if scaling.min > scaling.max:
        message = f"scaling.min: {scaling.min} is more than scaling.max, which is {scaling.max}"
        yield layers.finding(("scaling", "min"), "min-above-max", message)
    if scaling.min == 0 and not (scaling.queue or agent.schedule):
        message = "scaling.min: 0 pods need a queue or a schedule that starts them again; to stop the agent, suspend it"
        yield layers.finding(("scaling", "min"), "out-of-range", message)
    if scaling.max > scaling.min and not (scaling.queue or agent.schedule or scaling.cpu or scaling.memory):
        yield layers.finding(("scaling", "max"), "missing-key", "scaling: say by what it scales: cpu, memory or queue")


def _single_consumer(agent: ResolvedAgent, layers: Layers) -> Report:
    most = max(agent.scaling.min, agent.scaling.max)
    if most <= 1 and agent.scaling.queue is None:
        return
    path: KeyPath = ("scaling", "max") if agent.scaling.max > 1 else ("scaling", "min")
    if not _own(layers, "scaling"):
        # The scale comes from the catalog; what does not go with it is the agent's channel or disk.
        path = ("channels", agent.polling[0]) if agent.polling else ("storage", "volume")
    if agent.polling:
        message = (
            f"scaling: {most} pods would fight over the same messages: {one_of(agent.polling)} serves one consumer. "
            "Give min: 1 and max: 1, or split the work over agents with credentials of their own"
        )
        yield layers.finding(path, "polling-single", message)
    elif agent.volume:
        message = f"scaling: {most} pods cannot hold one volume; give min: 1 and max: 1, or use a database"
        yield layers.finding(path, "volume-single", message)


def _clusters(agent: ResolvedAgent, layers: Layers) -> Report:
    pool = layers.catalog.pools[agent.pool]
    clusters = (pool.clusters or {}).get(agent.environment, [])
    if agent.polling and len(clusters) > 1:
        message = (
            f"{one_of(agent.polling)} serves one consumer, and the pool {agent.pool} runs in {len(clusters)} clusters "
            f"of {agent.environment}; move the agent to a pool with one cluster"
        )
        yield layers.finding(("channels",), "polling-single", message)


def _schedule_runs(agent: ResolvedAgent, layers: Layers) -> Report:
    when = agent.schedule
    if when is None:
        return
    if when.start == when.stop:
        message = f"schedule: it stops when it starts, at {when.start!r}, so the agent would never run"
        yield layers.finding(("schedule", "stop"), "no-effect", message)
    for key, line in (("start", when.start), ("stop", when.stop)):
        for field, (name, least, most) in zip(line.split(" "), _CRON_FIELDS, strict=True):
            if any(not least <= int(number) <= most for number in _CRON_NUMBERS.findall(field)):
                message = f"schedule.{key}: {field!r} is out of range for the {name}; {least} to {most} is allowed"
                yield layers.finding(("schedule", key), "out-of-range", message)


def _folders_apart(agent: ResolvedAgent, layers: Layers) -> Report:
    if agent.volume is None:
        return
    taken = [one.path for one in agent.scratch] + ([agent.config.mount] if agent.config else [])
    top = "/" + agent.volume.path.split("/")[1]
    if agent.volume.path in taken or top in _SYSTEM_FOLDERS or agent.volume.path.startswith(_RUN):
        whose = "the runtime's" if agent.volume.path in taken else "the system's"
        message = f"storage.volume.path: {agent.volume.path} is a folder of {whose} own; choose another"
        yield layers.finding(("storage", "volume", "path"), "path-taken", message)


def _requests_within_limits(agent: ResolvedAgent, layers: Layers) -> Report:
    amounts = agent.resources
    if cores(amounts.cpu_request) > cores(amounts.cpu_limit):
        message = f"resources.requests.cpu: {amounts.cpu_request} is more than the limit, {amounts.cpu_limit}"
        yield layers.finding(("resources", "requests", "cpu"), "request-above-limit", message)
    if byte_count(amounts.memory_request) > byte_count(amounts.memory_limit):
        message = f"resources.requests.memory: {amounts.memory_request} is more than the limit, {amounts.memory_limit}"
        yield layers.finding(("resources", "requests", "memory"), "request-above-limit", message)


def _variables(agent: ResolvedAgent, layers: Layers) -> Report:
    for secret in agent.secrets:
        if secret.env in agent.env:
            message = f"{secret.env} is an environment variable and a secret of {secret.source}; keep one"
            yield layers.finding(("env", secret.env), "two-sources", message)
    if agent.prompt:
        for name in agent.prompt.variables:
            if "{{" + name + "}}" not in agent.prompt.text.replace(" ", ""):
                message = f"prompt.variables.{name} has no effect: the prompt has no {{{{ {name} }}}}"
                yield layers.finding(("prompt", "variables", name), "no-effect", message)


def _settled_variables(agent: ResolvedAgent, layers: Layers) -> Report:
    """Variables by which a runtime is told what the definition says elsewhere: a second voice would contradict it."""
    runtime: Runtime = layers.catalog.entries["runtimes"][agent.runtime]
    given = {name for values in layers.own for name in values.get("env", {})}
    sources = [(f"the runtime {agent.runtime}", runtime.env)]
    if agent.model and agent.model.provider:
        provider = layers.catalog.entries["providers"][agent.model.provider]
        sources.append((f"the provider {agent.model.provider}", provider.env))
    for source, variables in sources:
        for name, template in (variables or {}).items():
            if name in given and "{" in template:
                message = f"env.{name}: {source} sets it to {template}; change that field instead"
                yield layers.finding(("env", name), "two-sources", message)


def _config_fits(agent: ResolvedAgent, layers: Layers) -> Report:
    parts = {
        "prompt": len(agent.prompt.text.encode()) if agent.prompt else 0,
        "character": len(json.dumps(agent.character, ensure_ascii=False).encode()) if agent.character else 0,
        "knowledge": sum(len(text.encode()) for text in agent.knowledge.values()),
    }
    total = sum(parts.values())
    if total > MAX_CONFIG_BYTES:
        largest = max(parts, key=lambda part: parts[part])
        message = (
            f"{largest}: prompt, character and knowledge have {total:,} bytes; a ConfigMap holds {MAX_CONFIG_BYTES:,}"
        )
        yield layers.finding((largest,), "too-large", message)
    names = [path.rsplit("/", 1)[-1] for path in agent.knowledge]
    for index, name in enumerate(names):
        if name in names[:index]:
            message = f"knowledge: two files are named {name}; they would lie in one folder"
            yield layers.finding(("knowledge", index), "duplicate-value", message)


def _config_keys(agent: ResolvedAgent, layers: Layers) -> Report:
    for index, path in enumerate(agent.knowledge):
        name = path.rsplit("/", 1)[-1]
        if path and (name in (".", "..") or not _CONFIG_KEY.fullmatch(name)):
            message = (
                f"knowledge: the file name {show(name)} cannot be a key of a ConfigMap; "
                "rename it with at most 200 letters, digits, '-', '_' and '.'"
            )
            yield layers.finding(("knowledge", index), "wrong-name", message)


def _probes(agent: ResolvedAgent, layers: Layers) -> Report:
    for name, path in (("liveness", agent.liveness), ("readiness", agent.readiness)):
        if agent.serves and not path:
            yield layers.finding(("probes", name), "missing-key", f"probes.{name} is said nowhere; the runtime should")


_RULES: tuple[Callable[[ResolvedAgent, Layers], Report], ...] = (
    _scaling_bounds,
    _single_consumer,
    _clusters,
    _schedule_runs,
    _folders_apart,
    _requests_within_limits,
    _variables,
    _settled_variables,
    steering_findings,
    _config_fits,
    _config_keys,
    reserved_key_findings,
    consent_findings,
    address_findings,
    secret_findings,
    _probes,
    service_findings,
    egress_findings,
    mesh_findings,
    own_alert_findings,
)


def _neighbours(agent: ResolvedAgent, layers: Layers, catalog: Catalog) -> Report:
    merged = layers.merged({})
    callers = merged["exposure"]["callers"]
    for path, references in ((("exposure", "callers"), callers), (("calls",), merged.get("calls") or [])):
        for index, reference in enumerate(references):
            if reference != "gateway" and reference.split("/")[0] not in catalog.pools:
                message = f"{'.'.join(path)}: no pool {reference.split('/')[0]!r}; there is {one_of(catalog.pools)}"
                yield layers.finding((*path, index), "unknown-pool", message)
    if agent.exposure.host and not _ROUTE_PATH.fullmatch(agent.exposure.path):
        message = f"exposure.path: {show(agent.exposure.path)} is no path that a gateway can match"
        yield layers.finding(("exposure", "path"), "wrong-value", message)
    if agent.exposure.host and not agent.exposure.gateway:
        message = "exposure.callers: a public host is reached through the gateway, so it must be among the callers"
        yield layers.finding(("exposure", "callers"), "no-effect", message)
