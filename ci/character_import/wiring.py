"""Model, channels and plugins of the catalog for what a character names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ci.character_import.notes import CannotImport, Note
from ci.character_import.settings import SplitSettings
from components.definition.findings import show
from components.definition.load_catalog import Catalog
from components.definition.offers import Provider
from components.definition.runtime import Runtime

# Names of clients and providers that mean another.
_SAME = {"x": "twitter", "claude": "anthropic", "claude_vertex": "anthropic", "twitter-api": "twitter"}
# The agent answers over HTTP without being asked to.
_ALWAYS = ("direct", "auto", "rest", "api", "simsai-direct")
# Every Eliza agent has these, or their work is done by others now.
_BUILT_IN = {
    "bootstrap": "every agent has it",
    "sql": "every agent has it",
    "node": "elizaOS 1 has its services built in",
}
_PACKAGE = re.compile(r"(?:@[^/]+/)?(?P<kind>client|plugin|adapter)?-?(?P<name>.+)")
KNOWLEDGE, EMBEDDINGS = "@elizaos/plugin-knowledge", "@elizaos/plugin-openai"


_OF_THE_PROCESS = re.compile(r"(NODE|LD|DYLD|NPM_CONFIG|BUN)_[A-Z0-9_]+|PATH|HOME|SHELL|USER|PWD|TMPDIR")


@dataclass(slots=True)
class Wiring:
    """What the definition says besides the character. `model`: provider, name; `channels`: name → its variables."""

    runtime: str
    provider: str = ""
    model: str = ""
    channels: dict[str, dict[str, str]] = field(default_factory=dict)
    plugins: list[str] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)


def wire(
    given: dict[str, Any], split: SplitSettings, knows: bool, catalog: Catalog, today: str, notes: list[Note]
) -> Wiring:
    """Finds everything in the catalog; what it has not is left out with a note.

    `knows`: the character has knowledge. `today` (ISO) keeps models that no longer answer from being chosen. Raises
    CannotImport when the catalog has no elizaOS runtime, or no model for one.
    """
    runtimes: dict[str, Runtime] = catalog.entries["runtimes"]
    wiring = Wiring(next((name for name, one in runtimes.items() if one.eliza), ""))
    if not wiring.runtime:
        raise CannotImport("the catalog has no runtime for elizaOS: one with `eliza: true`")
    wanted = _plugins(given.get("plugins"), wiring, catalog, notes)
    _clients(given.get("clients"), wiring, catalog, notes)
    _choose_model(given, split, wanted, wiring, (catalog, today), notes)
    for provider in wanted:
        if provider != wiring.provider:
            _second_provider(provider, wiring, catalog, notes)
    if knows:
        _add_knowledge(wiring, catalog, notes)
    _drop_settled(split, wiring, catalog, notes)
    _variables(split, wiring)
    return wiring


def whence(catalog: Catalog, agent: str) -> dict[str, str]:
    """For each variable that the catalog brings to Eliza agents, who brings it and from where."""
    known: dict[str, str] = {}
    for kind, word in (("providers", "provider"), ("plugins", "plugin")):
        for name, entry in catalog.entries[kind].items():
            for variable, where in (entry.secrets or {}).items():
                known.setdefault(variable, f"the {word} {name} takes it from {where}")
    for name, entry in catalog.entries["channels"].items():
        for variable, key in entry.secrets.items():
            known[variable] = f"the channel {name} takes it from {agent}/{name}#{key}"
    return known


def _plugins(value: Any, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> list[str]:
    """Puts channels and plugins into `wiring`; gives the providers that are named, in order."""
    entries = catalog.entries
    of_channel = {one.plugin: name for name, one in entries["channels"].items() if one.plugin}
    of_provider = {one.plugin: name for name, one in entries["providers"].items() if one.plugin}
    of_plugin = {one.package: name for name, one in entries["plugins"].items() if one.package}
    providers: list[str] = []
    for place, given in _names(value, "plugins", notes):
        kind, name = _parts(given)
        package = f"@elizaos/plugin-{name}"
        channel = of_channel.get(given) or of_channel.get(package) or (name if kind == "client" else "")
        if channel:
            _channel(place, channel, wiring, catalog, notes)
        elif kind == "adapter":
            notes.append(
                Note(place, f"{given}: every agent has a database; for PostgreSQL name one of `storage.databases`")
            )
        elif name in _BUILT_IN:
            notes.append(Note(place, f"{given}: left out, {_BUILT_IN[name]}"))
        elif given in of_provider or package in of_provider:
            providers.append(of_provider.get(given) or of_provider[package])
        else:
            plugin = of_plugin.get(given) or of_plugin.get(package) or (name if name in entries["plugins"] else "")
            _plugin(place, given, plugin, wiring, catalog, notes)
    # Who can serve as a plugin besides the model's (for embeddings) comes last, so that neither is lost.
    return sorted(
        dict.fromkeys(providers), key=lambda name: bool(_plugin_of(entries["providers"][name].plugin, catalog))
    )


def _plugin(place: str, given: str, plugin: str, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    if not plugin or wiring.runtime not in catalog.entries["plugins"][plugin].runtimes:
        notes.append(
            Note(
                place,
                f"{given}: left out, the catalog has no such plugin; agents/catalog/plugins.yaml is the place for it",
            )
        )
    elif plugin not in wiring.plugins:
        wiring.plugins.append(plugin)
        notes.append(Note(place, f"{given}: the definition names the catalog's plugin {plugin}"))


def _clients(value: Any, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    for place, given in _names(value, "clients", notes):
        _, name = _parts(given)
        if name in _ALWAYS:
            notes.append(Note(place, f"{given}: left out, every agent answers over HTTP"))
        else:
            _channel(place, name, wiring, catalog, notes)


def _channel(place: str, name: str, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    name = _SAME.get(name, name)
    entry = catalog.entries["channels"].get(name)
    if entry is None or wiring.runtime not in entry.runtimes:
        there = ", ".join(one for one, kind in catalog.entries["channels"].items() if wiring.runtime in kind.runtimes)
        notes.append(Note(place, f"{name}: left out, the catalog has no such channel; it has {there or 'none'}"))
    elif name not in wiring.channels:
        wiring.channels[name] = {}
        notes.append(Note(place, f"{name}: became a channel of the definition"))


def _choose_model(
    given: dict[str, Any],
    split: SplitSettings,
    wanted: list[str],
    wiring: Wiring,
    known: tuple[Catalog, str],
    notes: list[Note],
) -> None:
    catalog, today = known
    providers: dict[str, Provider] = catalog.entries["providers"]
    asked = given.get("modelProvider")
    if asked is not None and not isinstance(asked, str):
        notes.append(Note("modelProvider", f"{show(asked)} is no name and was left out"))
        asked = None
    first = _SAME.get(asked.lower(), asked.lower()) if asked else wanted[0] if wanted else ""
    offers = {
        name: [model for model, one in entry.models.items() if one.retires is None or one.retires > today]
        for name, entry in providers.items()
        if entry.plugin and not entry.suspended
    }
    usable = [name for name in (first, *offers) if offers.get(name)]
    if not usable:
        raise CannotImport("the catalog has no model that an elizaOS plugin speaks to: a provider with `plugin`")
    wiring.provider = usable[0]
    wiring.model = split.model if split.model in offers[wiring.provider] else offers[wiring.provider][0]
    chosen = f"the model is {wiring.provider}'s {wiring.model}"
    if asked:
        lacks = (
            "" if wiring.provider == first else f"the catalog has no provider {show(asked)} with an elizaOS plugin; "
        )
        notes.append(Note("modelProvider", f"{lacks}{chosen}"))
    else:
        notes.append(Note("model", f"{chosen}, {'as its plugin is named' if wanted else 'the character names none'}"))
    if split.model and split.model != wiring.model:
        notes.append(
            Note("settings.model", f"left out: {show(split.model)} is no model of the catalog's {wiring.provider}")
        )
    if split.temperature is not None and not providers[wiring.provider].models[wiring.model].temperature:
        notes.append(Note("settings", f"the temperature {split.temperature} was left out: {wiring.model} takes none"))
        split.temperature = None
    most = providers[wiring.provider].models[wiring.model].max_output_tokens
    if split.max_tokens and split.max_tokens > most:
        notes.append(
            Note("settings", f"{split.max_tokens} tokens are more than the model gives; {most} were put instead")
        )
        split.max_tokens = most


def _second_provider(provider: str, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    """A plugin of a provider that is not the model's may still be one of the catalog's plugins, for embeddings."""
    package = catalog.entries["providers"][provider].plugin
    name = _plugin_of(package, catalog)
    if name:
        _plugin("plugins", package, name, wiring, catalog, notes)
    else:
        notes.append(Note("plugins", f"{package}: left out, the model is {wiring.provider}'s; an agent has one"))


def _plugin_of(package: str, catalog: Catalog) -> str:
    """The catalog's plugin that is this npm package; empty for none."""
    return next((name for name, one in catalog.entries["plugins"].items() if one.package == package), "")


def _add_knowledge(wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    """Knowledge does nothing without a plugin that looks it up, and that one nothing without embeddings."""
    entries = catalog.entries
    for package, why in ((KNOWLEDGE, "looks knowledge up"), (EMBEDDINGS, "makes the embeddings for that")):
        name = _plugin_of(package, catalog)
        if package == EMBEDDINGS and entries["providers"][wiring.provider].plugin == package:
            continue
        if not name or wiring.runtime not in entries["plugins"][name].runtimes:
            notes.append(Note("knowledge", f"has no effect: the catalog has no plugin that {why} ({package})"))
        elif name not in wiring.plugins:
            wiring.plugins.append(name)
            notes.append(Note("knowledge", f"the plugin {name} was added, which {why}"))


def _drop_settled(split: SplitSettings, wiring: Wiring, catalog: Catalog, notes: list[Note]) -> None:
    """Leaves out variables that the catalog sets by itself, and those that change how the process runs."""
    entries = (catalog.entries["runtimes"][wiring.runtime], catalog.entries["providers"].get(wiring.provider))
    settled = {name for entry in entries if entry for name, text in (entry.env or {}).items() if "{" in text}
    for name in sorted(split.variables):
        if name in settled:
            notes.append(Note(f"settings.{name}", "left out: the catalog sets it from the definition's own fields"))
        elif _OF_THE_PROCESS.fullmatch(name):
            notes.append(Note(f"settings.{name}", "left out: it changes how the process runs, not who the agent is"))
        else:
            continue
        del split.variables[name]


def _variables(split: SplitSettings, wiring: Wiring) -> None:
    """A variable goes to the channel whose name it begins with, else to the agent."""
    for variable, value in sorted(split.variables.items()):
        of = next((name for name in wiring.channels if variable.startswith(name.upper() + "_")), "")
        if variable == "CHANNEL_IDS" and "discord" in wiring.channels:
            of = "discord"
        (wiring.channels[of] if of else wiring.env)[variable] = value


def _names(value: Any, place: str, notes: list[Note]) -> Iterator[tuple[str, str]]:
    """Each name in a list of names, with its place."""
    if value is None:
        return
    for index, item in enumerate(value if isinstance(value, list) else [value]):
        name = item.get("name") if isinstance(item, dict) else item
        if isinstance(name, str) and name.strip():
            yield f"{place}.{index}", name.strip()
        else:
            notes.append(Note(f"{place}.{index}", f"{show(item)} is no name and was left out"))


def _parts(name: str) -> tuple[str, str]:
    """Kind and bare name: `@ai16z/client-telegram` → client, telegram."""
    match = _PACKAGE.fullmatch(name.lower())
    return (match["kind"] or "", match["name"]) if match else ("", name.lower())
