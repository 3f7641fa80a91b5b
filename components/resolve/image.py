"""Which image an agent runs: a ready one, or the one that its build context's hash names."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from components.definition.catalog import Runtime
from components.definition.load_agent import LoadedAgent
from components.definition.load_catalog import Catalog
from components.definition.places import beside
from components.resolve.resolved import (
    Image,
)


def image_of(
    merged: dict[str, Any], runtime: Runtime, packages: tuple[str, ...], agent: LoadedAgent, catalog: Catalog
) -> Image:
    """The agent's own image, else its own build, else the runtime's image or build; by digest where one is recorded."""
    if "image" in merged:
        return _ready(merged["image"], catalog)
    registry = catalog.settings.registry
    if "build" in merged:
        context = beside(agent.file, merged["build"]["context"]) or ""
        parts: dict[str, Any] = {
            "context": agent.contexts.get(context, ""),
            "dockerfile": merged["build"].get("dockerfile", ""),
        }
        repository = f"{registry}/{agent.pool}-{agent.name}"
    elif runtime.image:
        return _ready(runtime.image, catalog)
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
    if record and record.image != repository:
        record = None
    return Image(f"{repository}@{record.digest}" if record else f"{repository}:{digest[:16]}", digest)


def _ready(reference: str, catalog: Catalog) -> Image:
    """A ready image; a tag that was looked up once and recorded stands for its digest from then on."""
    record = catalog.records.get(reference)
    if record is None or "@" in reference:
        return Image(reference, "")
    folder, _, name = reference.rpartition("/")
    return Image(f"{folder}/{name.split(':')[0]}@{record.digest}".lstrip("/"), "")


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
