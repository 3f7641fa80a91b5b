"""The character of an Eliza agent, with the plugins that it needs."""

from __future__ import annotations

from typing import Any

from components.definition.findings import Finding, nearest
from components.definition.offers import Plugin, Provider
from components.definition.places import beside
from components.definition.runtime import Runtime
from components.resolve.layers import Layers

# What runs every character, whatever its plugins.
RUNNERS = ("@elizaos/core", "@elizaos/plugin-bootstrap", "@elizaos/plugin-sql", "@elizaos/server")
_ELIZA_PACKAGES = ("@elizaos/plugin-bootstrap", "@elizaos/plugin-sql")


def character_of(
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
