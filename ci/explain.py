"""A resolved agent, value by value, each with the place that it comes from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.definition import defaults
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.yaml_reader import KeyPath
from components.facts import facts
from components.resolve.connections import CALLERS_KEYS, PROXY_VARIABLES
from components.resolve.identity import TOKEN_SERVICE
from components.resolve.layers import Layer, Layers
from components.resolve.resolved import ResolvedAgent, Secret

# The topics, in order, with the settings that belong to each.
TOPICS: dict[str, tuple[str, ...]] = {
    "identity": ("identity",),
    "model and prompt": ("model", "prompt", "character", "knowledge", "plugins", "budget"),
    "channels": ("channels",),
    "service": ("service",),
    "image": ("image", "build"),
    "resources and scaling": ("tier", "resources", "scaling", "schedule", "suspended", "restarts", "storage"),
    "environment variables": (),
    "secrets": (),
    "network": ("exposure", "calls"),
    "health and metrics": ("port", "probes", "metrics", "alerts", "alert_rules"),
    "labels and annotations": ("labels", "annotations"),
    "cost": (),
}
# Shown as derived lines, which say all that the setting says and more.
_DERIVED = frozenset({"env", "secrets", "hosts"})
_DEFAULTS_FILE = "components/definition/defaults.py"
Place = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One value; `source` says which layer or part of the catalog it comes from, the place where it is written."""

    topic: str
    field: str
    value: Any
    source: str
    file: str
    line: int
    column: int

    @property
    def place(self) -> str:
        """`file:line`, empty for what is written nowhere."""
        return f"{self.file}:{self.line}" if self.file else ""


def explain(agent: ResolvedAgent, loaded: LoadedAgent, catalog: Catalog) -> list[Line]:
    """All values of an agent in its environment, grouped by topic."""
    explained = _Explained(agent, loaded, catalog)
    lines = [*explained.identity(), *explained.settings(), *explained.image(), *explained.variables()]
    lines += [*explained.secrets(), *explained.network(), *explained.cost()]
    order = list(TOPICS)
    return sorted(lines, key=lambda line: order.index(line.topic))


class _Explained:
    def __init__(self, agent: ResolvedAgent, loaded: LoadedAgent, catalog: Catalog) -> None:
        self.agent = agent
        self.catalog = catalog
        self.document = loaded.document
        self.layers = Layers(catalog, loaded, agent.environment)
        self.merged = self.layers.merged({})

    def identity(self) -> Iterator[Line]:
        topic = "identity"
        for field in ("description", "owner", "runtime"):
            yield self._line(topic, field, self.document.value[field], "the agent", self._own((field,)))
        pool = self.agent.pool
        named = "namespace" in self.catalog.raw("pools", pool)
        place = self._catalog("pools", (pool, "namespace") if named else (pool,), key=not named)
        suffix = f" + {self.agent.environment_suffix} of {self.agent.environment}"
        source = f"pool {pool}{suffix if self.agent.environment_suffix else ''}"
        yield self._line(topic, "namespace", self.agent.namespace, source, place)

    def settings(self) -> Iterator[Line]:
        """Every leaf of the merged settings."""
        topics = {key: topic for topic, keys in TOPICS.items() for key in keys}
        for path, value in _leaves(self.merged, ()):
            if path[0] not in _DERIVED:
                layer, place = self._origin(path)
                yield self._line(topics[str(path[0])], ".".join(map(str, path)), value, layer, place)
        model = self.agent.model
        if model and "provider" not in self.merged["model"]:
            place = self._catalog("providers", (model.provider, "models", model.name), key=True)
            source = f"provider {model.provider}, which offers the model"
            yield self._line("model and prompt", "model.provider", model.provider, source, place)
        for name, value in self.agent.alerts.items():
            if name not in (self.merged.get("alerts") or {}):
                place = self._catalog("settings", ("alerts", name))
                yield self._line("health and metrics", f"alerts.{name}", value, "settings", place)

    def image(self) -> Iterator[Line]:
        image, runtime = self.agent.image, self.agent.runtime
        key = next((key for key in ("image", "build") if key in self.merged), "")
        source, place = self._origin((key,)) if key else (f"runtime {runtime}", self._runtime_image())
        record = next((path for path in self.catalog.documents if path.endswith(f"{image.context_hash}.yaml")), "")
        if record and image.context_hash:
            source, place = f"{source}, recorded digest", (record, 1, 1)
        elif not image.pinned:
            source += ", no digest recorded yet" if image.context_hash else ", a tag without a digest"
        yield self._line("image", "reference", image.reference, source, place)

    def _runtime_image(self) -> Place:
        key = "image" if "image" in self.catalog.raw("runtimes", self.agent.runtime) else "build"
        return self._catalog("runtimes", (self.agent.runtime, key))

    def variables(self) -> Iterator[Line]:
        for name, value in self.agent.env.items():
            source, place = self._variable(name)
            yield self._line("environment variables", name, value, source, place)

    def _variable(self, name: str) -> tuple[str, Place]:
        if self.agent.proxy and name in PROXY_VARIABLES:
            return self._egress()
        if name in (self.merged.get("env") or {}):
            return self._origin(("env", name))
        for channel in reversed(self.agent.channels):
            if name in ((self.merged["channels"][channel] or {}).get("env") or {}):
                return self._origin(("channels", channel, "env", name))
        entries = [("plugins", one, f"plugin {one}") for one in reversed(self.agent.plugins)]
        if self.agent.model:
            entries.append(("providers", self.agent.model.provider, f"provider {self.agent.model.provider}"))
        for kind, entry, source in entries:
            if name in (self.catalog.raw(kind, entry).get("env") or {}):
                return source, self._catalog(kind, (entry, "env", name))
        runtime = self.agent.runtime
        return f"runtime {runtime}", self._catalog("runtimes", (runtime, "env", name))

    def secrets(self) -> Iterator[Line]:
        for secret in self.agent.secrets:
            source, place = self._secret(secret)
            yield self._line("secrets", secret.env, secret.reference, source, place)

    def _secret(self, secret: Secret) -> tuple[str, Place]:
        if secret.source == "the agent":
            return self._origin(("secrets", secret.env))
        if secret.source.startswith("channel "):
            channel = secret.source.split(" ", 1)[1]
            return secret.source, self._origin(("channels", channel, "secret"))[1]
        kind, entry, source = self._entry(secret.source)
        return source, self._catalog(kind, (entry, "secrets", secret.env))

    def network(self) -> Iterator[Line]:
        topic, agent = "network", self.agent
        for reached in agent.hosts:
            source, place = self._host(reached.host, reached.why)
            yield self._line(topic, f"reaches {reached.host}", "HTTPS", source, place)
        for endpoint in agent.endpoints:
            at = endpoint.endpoint
            where = at.cidr or f"pods of {at.namespace}"
            kind, entry, source = self._entry(endpoint.why)
            place = self._catalog(kind, (entry, "endpoint"))
            yield self._line(topic, f"reaches {where}", f"TCP {at.port}", source, place)
        source, place = self._egress()
        yield self._line(topic, "enforced", _enforced(agent), source, place)
        if agent.network.mesh:
            place = self._catalog("environments", (agent.environment, "network", "mesh"))
            text = "mutual TLS by Istio between pods, which knows callers by their ServiceAccounts"
            yield self._line(topic, "mesh", text, f"environment {agent.environment}", place)

    def _egress(self) -> tuple[str, Place]:
        """The environment that says what holds its agents to their hosts; nothing where Roster's default holds."""
        environment = self.agent.environment
        if "egress" not in (self.catalog.raw("environments", environment).get("network") or {}):
            return "", ("", 0, 0)
        return f"environment {environment}", self._catalog("environments", (environment, "network", "egress"))

    def _host(self, host: str, why: str) -> tuple[str, Place]:
        if why == "declared":
            return self._origin(("hosts", self.merged["hosts"].index(host)))
        if why == TOKEN_SERVICE:
            return self._origin(("identity",))
        if why == CALLERS_KEYS:
            return self._origin(("service", "auth", "jwt", "jwks_url"))
        kind, entry, source = self._entry(f"runtime {self.agent.runtime}" if why == "the runtime" else why)
        return source, self._catalog(kind, (entry, "hosts", self.catalog.raw(kind, entry)["hosts"].index(host)))

    def cost(self) -> Iterator[Line]:
        known, prices = facts(self.agent), self.catalog.settings.prices
        low, high = f"{known.cost_min:,.2f}", f"{known.cost_max:,.2f}"
        value = f"{low if low == high else f'{low}–{high}'} {prices.currency}"
        pods = f"{known.pods_min}–{known.pods_max} pods at the catalog's prices"
        yield self._line("cost", "a month", value, pods, self._catalog("settings", ("prices",), key=True))

    def _entry(self, source: str) -> tuple[str, str, str]:
        """Kind and name of a catalog entry that `resolve` names as a source."""
        if source == "the model's provider" and self.agent.model:
            return "providers", self.agent.model.provider, f"provider {self.agent.model.provider}"
        word, name = source.split(" ", 1)
        return f"{word}s", name, source

    def _origin(self, path: KeyPath) -> tuple[str, Place]:
        layer = self.layers.origin(path)
        while path and not layer.says(path):
            path = path[:-1]
        return layer.label, _written(layer, path)

    def _own(self, path: KeyPath) -> Place:
        return self.document.file, *self.document.place(path)

    def _catalog(self, kind: str, path: KeyPath, *, key: bool = False) -> Place:
        document = self.catalog.documents[kind]
        return document.file, *document.place(path, key=key)

    @staticmethod
    def _line(topic: str, field: str, value: Any, source: str, place: Place) -> Line:
        return Line(topic, field, value, source, *place)


def _enforced(agent: ResolvedAgent) -> str:
    """What the cluster holds the agent to, in words."""
    if agent.suspended:
        return "nothing gets in or out while it is suspended"
    if not agent.hosts:
        return "nothing gets out but DNS and what is listed above"
    if agent.proxy:
        return (
            f"a NetworkPolicy lets HTTPS out to the proxy {agent.proxy.host} alone, which goes on to the hosts that "
            f"agents of the pool {agent.pool} name: they share one list, and DNS is open to all names"
        )
    if agent.network.egress.kind == "cilium":
        return (
            "Cilium lets HTTPS out to the addresses of the hosts above and answers no other names but the cluster's; "
            "it looks at names when they are looked up, so hosts behind one address are not told apart"
        )
    return (
        "a plain NetworkPolicy lets HTTPS out to any public address: it cannot hold host names, so the hosts above are "
        "what reviewers approve, not what the cluster enforces"
    )


def _leaves(values: dict[str, Any], path: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value and (*path, key)[-2:] != ("character", "inline"):
            yield from _leaves(value, (*path, key))
        else:
            yield (*path, key), value


def _written(layer: Layer, path: KeyPath) -> Place:
    """Where a layer says what it says at `path`; Roster's own defaults lie in a Python file."""
    if layer.document.file == _DEFAULTS_FILE:
        return _DEFAULTS_FILE, _default_line(path), 1
    return layer.written_at(path)


def _default_line(path: KeyPath) -> int:
    """The line of defaults.py that says a value."""
    tree = ast.parse(Path(defaults.__file__).read_text("utf-8"))
    node: ast.expr | None = next(one.value for one in ast.walk(tree) if isinstance(one, ast.AnnAssign))
    line = 1
    for part in path:
        if not isinstance(node, ast.Dict):
            break
        keys = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if part not in keys:
            break
        node = node.values[keys.index(str(part))]
        line = node.lineno
    return line
