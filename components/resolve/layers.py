"""Precedence: runtime < tier < pool < environment < agent < agent's environment (below them all: Roster's defaults)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

from components.definition.defaults import BUILT_IN
from components.definition.findings import Finding
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.yaml_reader import Document, KeyPath

# What stands in a definition and is not a setting.
_IDENTITY = frozenset({"version", "description", "owner", "runtime", "environments", "overrides"})
# Saying one of these takes back what a lower layer said with another.
_ALTERNATIVES: dict[str, tuple[str, ...]] = {
    "prompt": ("text", "file"),
    "character": ("inline", "file"),
    "identity": ("aws_role", "gcp_service_account", "azure_client_id"),
}
_BUILT_IN_DOCUMENT = Document("components/definition/defaults.py", BUILT_IN, [], "")


@dataclass(frozen=True, slots=True)
class Layer:
    """One voice in the resolution: what it says, and where that is written."""

    label: str
    values: dict[str, Any]
    document: Document
    prefix: KeyPath

    def says(self, path: KeyPath) -> bool:
        """Whether this layer says anything at `path`."""
        value: Any = self.values
        for part in path:
            in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
            if not in_list and not (isinstance(value, dict) and part in value):
                return False
            value = value[part]
        return True

    def written_at(self, path: KeyPath) -> tuple[str, int, int]:
        """File, line and column of the value at `path`. A runtime's port and probes lie outside of its defaults."""
        outside = ("metrics_path",) if path == ("metrics", "path") else path
        for full in ((*self.prefix, *path), (*self.prefix[:1], *outside)):
            if self.document.has(full):
                return self.document.file, *self.document.place(full)
        return self.document.file, *self.document.place(self.prefix)


def overlay(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """`high` over `low`: mappings are merged key by key, everything else is replaced."""
    result = dict(low)
    for key, value in high.items():
        old = result.get(key)
        if type(value) is dict and type(old) is dict:
            names = _ALTERNATIVES.get(key)
            if names and any(name in value for name in names):
                old = {name: kept for name, kept in old.items() if name not in names}
            result[key] = overlay(old, value)
        else:
            result[key] = value
    return result


class Layers:
    """The layers of one agent in one environment, lowest first."""

    def __init__(self, catalog: Catalog, agent: LoadedAgent, environment: str) -> None:
        self.catalog = catalog
        self.agent = agent
        self.environment = environment
        runtime = agent.raw["runtime"]
        own = {key: value for key, value in agent.raw.items() if key not in _IDENTITY}
        override = (agent.raw.get("overrides") or {}).get(environment) or {}
        self.own = (own, override)
        self.tier = self._tier_name(runtime)
        self._shared_key = (runtime, self.tier, agent.pool, environment)

    def _tier_name(self, runtime: str) -> str:
        for values in reversed((self._runtime(runtime), self._pool(), self._environment(), *self.own)):
            if "tier" in values:
                return str(values["tier"])
        return str(BUILT_IN["tier"])

    def _runtime(self, name: str) -> dict[str, Any]:
        raw = self.catalog.raw("runtimes", name)
        values = dict(raw.get("defaults") or {})
        for key in ("port", "probes"):
            if key in raw:
                values.setdefault(key, raw[key])
        if "metrics_path" in raw:
            values["metrics"] = {"path": raw["metrics_path"], **(values.get("metrics") or {})}
        return values

    def _pool(self) -> dict[str, Any]:
        return self.catalog.raw("pools", self.agent.pool).get("defaults") or {}

    def _environment(self) -> dict[str, Any]:
        return self.catalog.raw("environments", self.environment).get("defaults") or {}

    def _tier(self) -> dict[str, Any]:
        if self.tier not in self.catalog.entries["tiers"]:
            return {}
        values: dict[str, Any] = self.catalog.raw("tiers", self.tier)["defaults"]
        return values

    def merged(self, shared: dict[tuple[str, ...], dict[str, Any]]) -> dict[str, Any]:
        """What all layers together say. `shared` remembers what agents of a kind have in common."""
        base = shared.get(self._shared_key)
        if base is None:
            low = (self._runtime(self._shared_key[0]), self._tier(), self._pool(), self._environment())
            base = shared[self._shared_key] = reduce(overlay, low, BUILT_IN)
        merged = overlay(base, self.own[0])
        return overlay(merged, self.own[1]) if self.own[1] else merged

    def all(self) -> tuple[Layer, ...]:
        """Every layer with its place, lowest first."""
        runtime, documents = self._shared_key[0], self.catalog.documents
        return (
            Layer("Roster's default", BUILT_IN, _BUILT_IN_DOCUMENT, ()),
            Layer(f"runtime {runtime}", self._runtime(runtime), documents["runtimes"], (runtime, "defaults")),
            Layer(f"tier {self.tier}", self._tier(), documents["tiers"], (self.tier, "defaults")),
            Layer(f"pool {self.agent.pool}", self._pool(), documents["pools"], (self.agent.pool, "defaults")),
            Layer(
                f"environment {self.environment}",
                self._environment(),
                documents["environments"],
                (self.environment, "defaults"),
            ),
            Layer("the agent", self.own[0], self.agent.document, ()),
            Layer(
                f"the agent in {self.environment}", self.own[1], self.agent.document, ("overrides", self.environment)
            ),
        )

    def origin(self, path: KeyPath) -> Layer:
        """The highest layer that says something at `path`, or at the nearest parent of it."""
        layers = self.all()
        while path:
            for layer in reversed(layers):
                if layer.says(path):
                    return layer
            path = path[:-1]
        return layers[5]

    def finding(self, path: KeyPath, rule: str, message: str, *, severity: Any = "error") -> Finding:
        """A finding where the value at `path` is written, whichever layer that is."""
        layer = self.origin(path)
        if layer.document is _BUILT_IN_DOCUMENT:  # nobody said it: that is for the agent to mend
            line, column = self.agent.document.place(path[:1])
            return Finding(self.agent.file, line, column, rule, message, severity, self.agent.key)
        file, line, column = layer.written_at(_said(layer, path))
        # What the catalog says is one finding, however many agents it concerns.
        whose = self.agent.key if file == self.agent.file else ""
        return Finding(file, line, column, rule, message, severity, whose)


def _said(layer: Layer, path: KeyPath) -> KeyPath:
    while path and not layer.says(path):
        path = path[:-1]
    return path
