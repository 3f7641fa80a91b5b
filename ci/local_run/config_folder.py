"""The agent's config as its pod has it, in a folder on this machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ci.atomic_files import write_files
from components.resolve.resolved import ResolvedAgent
from components.specs.config import config_data, knowledge_items


def config_files(agent: ResolvedAgent, stand_in: str = "") -> dict[str, str]:
    """Path in the folder → text. A stand-in's URL takes the provider's place, and callers then need no key."""
    places = dict(knowledge_items(agent))
    files = {places.get(name, name): text for name, text in config_data(agent).items()}
    if stand_in and agent.config and agent.config.settings in files:
        settings = json.loads(files[agent.config.settings])
        files[agent.config.settings] = json.dumps(_offline(settings, stand_in), indent=2, ensure_ascii=False) + "\n"
    return files


def _offline(settings: dict[str, Any], stand_in: str) -> dict[str, Any]:
    provider = settings.get("provider") or {}
    address = f"{stand_in}/v1" if provider.get("api") == "openai" else stand_in
    service = settings.get("service") or {}
    # Keys of an identity provider and shared counters are across the network, too.
    auth = {key: value for key, value in (service.get("auth") or {}).items() if key != "jwt"} | {"required": False}
    limits = {**(service.get("limits") or {}), "redis": None}
    return settings | {
        "provider": {**provider, "base_url": address},
        "service": {**service, "auth": auth, "limits": limits},
    }


def write_config(folder: Path, files: dict[str, str]) -> list[str]:
    """Makes the folder hold just these files; returns the paths of those that changed. Raises OSError."""
    old = {str(path.relative_to(folder)): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()}
    changed = sorted(name for name in old.keys() | files.keys() if old.get(name) != files.get(name))
    write_files({folder / name: files[name].encode() if name in files else None for name in changed})
    return changed
