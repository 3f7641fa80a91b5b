"""The two files of the new agent: its definition and its character."""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from ci.character_import.settings import SplitSettings
from ci.character_import.wiring import Wiring
from components.definition.fields import NAME_MAX
from components.definition.tree import AGENTS

_PLAIN_WORD = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_LONGEST_DESCRIPTION = 200


@dataclass(frozen=True, slots=True)
class NewAgent:
    """What the caller of `roster import` said."""

    name: str
    pool: str
    owner: str


def name_from(*candidates: str) -> str:
    """An agent's name made of the first candidate that has letters for one; empty when none has."""
    for candidate in candidates:
        ascii_only = unicodedata.normalize("NFKD", candidate).encode("ascii", "ignore").decode().lower()
        name = re.sub(r"[^a-z0-9]+", "-", ascii_only.replace("'", "")).strip("-")
        name = re.sub(r"^[0-9-]+", "", name)[:NAME_MAX].rstrip("-")
        if len(name) > 1:
            return name
    return ""


def agent_files(agent: NewAgent, character: dict[str, Any], wiring: Wiring, split: SplitSettings) -> dict[str, bytes]:
    """Path → bytes."""
    folder = f"{AGENTS}/{agent.pool}/{agent.name}"
    return {
        f"{folder}.yaml": _definition(agent, character, wiring, split).encode(),
        f"{folder}.character.json": (json.dumps(character, indent=2, ensure_ascii=False) + "\n").encode(),
    }


def _definition(agent: NewAgent, character: dict[str, Any], wiring: Wiring, split: SplitSettings) -> str:
    model: dict[str, Any] = {"provider": wiring.provider, "name": wiring.model}
    model |= {"max_tokens": split.max_tokens} if split.max_tokens else {}
    model |= {"temperature": split.temperature} if split.temperature is not None else {}
    lines = [
        "# yaml-language-server: $schema=../agent.schema.json",
        "version: 1",
        f"description: {json.dumps(_description(character), ensure_ascii=False)}",
        f"owner: {agent.owner}",
        f"runtime: {wiring.runtime}",
        f"model: {_flow(model)}",
        f"character: {{file: {agent.name}.character.json}}",
    ]
    if wiring.plugins:
        lines.append(f"plugins: [{', '.join(wiring.plugins)}]")
    if wiring.channels:
        lines.append("# Each channel's credential lies at pool/agent/channel in the secret store.")
        lines.append("channels:")
    for name, variables in wiring.channels.items():
        lines.append(f"  {name}:" if variables else f"  {name}: {{}}")
        lines += ["    env:"] if variables else []
        lines += [f"      {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in variables.items()]
    if wiring.env:
        lines.append("env:")
        lines += [f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in wiring.env.items()]
    return "\n".join(lines) + "\n"


def _description(character: dict[str, Any]) -> str:
    text = " ".join(character["bio"][0].split())
    if len(text) > _LONGEST_DESCRIPTION:
        text = text[: _LONGEST_DESCRIPTION - 1].rsplit(" ", 1)[0] + "…"
    return text or character["name"]


def _flow(mapping: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key}: {_scalar(value)}" for key, value in mapping.items()) + "}"


def _scalar(value: Any) -> str:
    """A word as it stands, everything else as JSON, which is YAML too."""
    return value if isinstance(value, str) and _PLAIN_WORD.fullmatch(value) else json.dumps(value, ensure_ascii=False)
