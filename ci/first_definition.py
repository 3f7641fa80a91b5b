"""The first text of a new agent: small, commented, valid at once."""

from __future__ import annotations

import json
from dataclasses import dataclass

from components.definition.defaults import BUILT_IN
from components.definition.load_catalog import Catalog
from components.definition.offers import Provider
from components.definition.runtime import Runtime
from components.definition.tree import AGENTS

_HEAD = """\
# yaml-language-server: $schema=../agent.schema.json
version: 1
# What it is for, in a sentence.
description: {description}
owner: {owner}
runtime: {runtime}
"""
_PROMPT = """\
prompt:
  text: |
    You are {name}. Answer briefly, and say when you do not know.
"""
_END = """\
# With nothing more said, the tier, the pool and the environment decide: `roster explain {name}` shows what and where.
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the caller of `roster new` said."""

    name: str
    pool: str
    runtime: str
    owner: str
    description: str


def first_files(wish: Wish, catalog: Catalog, today: str) -> dict[str, bytes]:
    """The files of the new agent by path. `today` (ISO) keeps models that no longer answer from being chosen."""
    runtime: Runtime = catalog.entries["runtimes"][wish.runtime]
    text = _HEAD.format(
        description=json.dumps(wish.description, ensure_ascii=False), owner=wish.owner, runtime=wish.runtime
    )
    text += _tier(wish, runtime, catalog)
    if runtime.needs_model:
        text += _model(runtime, catalog, today)
    folder = f"{AGENTS}/{wish.pool}"
    files: dict[str, bytes] = {}
    if runtime.eliza:
        text += f"character: {{file: {wish.name}.character.json}}\n"
        text += (
            "# Where it talks to people; each channel's credential lies at pool/agent/channel in the secret store.\n"
        )
        text += f"# channels: {{{next(iter(_channels(wish.runtime, catalog)), 'telegram')}: {{}}}}\n"
        files[f"{folder}/{wish.name}.character.json"] = _character(wish).encode()
    elif runtime.config and runtime.config.prompt:
        text += _PROMPT.format(name=wish.name)
    text += _END.format(name=wish.name)
    return {f"{folder}/{wish.name}.yaml": text.encode(), **files}


def _tier(wish: Wish, runtime: Runtime, catalog: Catalog) -> str:
    """Nothing where a tier is said already that the catalog has."""
    tiers = catalog.entries["tiers"]
    layers = [runtime.defaults, catalog.pools[wish.pool].defaults]
    said = [layer.tier for layer in layers if layer and layer.tier] or [BUILT_IN["tier"]]
    return "" if said[-1] in tiers else f"tier: {next(iter(tiers))}\n"


def _model(runtime: Runtime, catalog: Catalog, today: str) -> str:
    providers: dict[str, Provider] = catalog.entries["providers"]
    for provider_name, provider in providers.items():
        if provider.suspended or (runtime.eliza and not provider.plugin):
            continue
        for name, model in provider.models.items():
            if model.retires is None or model.retires > today:
                again = sum(name in other.models for other in providers.values()) > 1
                by = f"provider: {provider_name}, " if again else ""
                return f"model: {{{by}name: {json.dumps(name)}}}\n" if _odd(name) else f"model: {{{by}name: {name}}}\n"
    return ""


def _odd(name: str) -> bool:
    return not name.replace("-", "").replace(".", "").isalnum() or not name[0].isalpha()


def _channels(runtime: str, catalog: Catalog) -> list[str]:
    return [name for name, entry in catalog.entries["channels"].items() if runtime in entry.runtimes]


def _character(wish: Wish) -> str:
    character = {
        "name": wish.name.replace("-", " ").title(),
        "bio": ["Says who it is and what it is for."],
        "system": "Answer briefly, and say when you do not know.",
        "topics": [],
        "style": {"all": ["plain words", "short sentences"]},
    }
    return json.dumps(character, indent=2, ensure_ascii=False) + "\n"
