"""The ConfigMap: what the agent is told to be."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from components.resolve.resolved import ResolvedAgent
from components.specs.names import Manifest, metadata

KNOWLEDGE = "knowledge"


def config_map(agent: ResolvedAgent) -> Manifest | None:
    """The agent's files; None when its runtime reads none."""
    data = config_data(agent)
    if not data:
        return None
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata(agent), "data": data}


def config_data(agent: ResolvedAgent) -> dict[str, str]:
    """File name → text. Knowledge files stand behind `knowledge.`, since keys of a ConfigMap have no folders."""
    files = agent.config
    if files is None:
        return {}
    data: dict[str, str] = {}
    if files.settings:
        data[files.settings] = _json(_settings(agent))
    if files.prompt and agent.prompt:
        data[files.prompt] = agent.prompt.text
    if files.character and agent.character is not None:
        data[files.character] = _json(_character(agent))
    for path, text in sorted(agent.knowledge.items()):
        data[f"{KNOWLEDGE}.{_base_name(path)}"] = text
    return data


def config_checksum(data: dict[str, str]) -> str:
    """SHA-256 over the files, so that a change of them restarts the pods."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def knowledge_items(agent: ResolvedAgent) -> list[tuple[str, str]]:
    """For each knowledge file its key in the ConfigMap and its path below the mount."""
    names = sorted(_base_name(path) for path in agent.knowledge)
    return [(f"{KNOWLEDGE}.{name}", f"{KNOWLEDGE}/{name}") for name in names]


def _settings(agent: ResolvedAgent) -> dict[str, Any]:
    settings: dict[str, Any] = {"agent": agent.name, "pool": agent.pool, "environment": agent.environment}
    if agent.model:
        settings["model"] = {
            "provider": agent.model.provider,
            "name": agent.model.name,
            "max_tokens": agent.model.max_tokens,
            "temperature": agent.model.temperature,
        }
    if agent.provider:
        settings["provider"] = {
            "api": agent.provider.api,
            "base_url": agent.provider.base_url or None,
            "key": agent.provider.key,
            "input_per_million": agent.provider.input_per_million,
            "output_per_million": agent.provider.output_per_million,
        }
    if agent.prompt:
        settings["prompt"] = {
            "version": agent.prompt.version,
            "variables": dict(sorted(agent.prompt.variables.items())),
        }
    if agent.budget:
        settings["budget"] = dict(sorted(agent.budget.items()))
    if agent.service:
        settings["service"] = agent.service
    if agent.knowledge:
        settings["knowledge"] = [path for _, path in knowledge_items(agent)]
    return settings


def _character(agent: ResolvedAgent) -> dict[str, Any]:
    character = dict(agent.character or {})
    if agent.prompt:
        character["system"] = agent.prompt.text
    if agent.model:
        model: dict[str, Any] = {"model": agent.model.name, "maxTokens": agent.model.max_tokens}
        if agent.model.temperature is not None:
            model["temperature"] = agent.model.temperature
        character["settings"] = {**model, **(character.get("settings") or {})}
    if agent.knowledge and agent.config:
        files = [{"path": f"{agent.config.mount}/{path}", "shared": False} for _, path in knowledge_items(agent)]
        character["knowledge"] = [*(character.get("knowledge") or []), *files]
    return character


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _base_name(path: str) -> str:
    return path.rsplit("/", 1)[-1]
