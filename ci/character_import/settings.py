"""`settings`, `secrets` and `clientConfig` of a character: what stays, what the definition says instead, what ended."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ci.character_import.found_secrets import Whereabouts, is_empty
from ci.character_import.notes import Note
from components.definition.findings import show

_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")
# Settings of elizaOS before 1.0 that nothing reads any more, and what does their work now.
_ENDED = {
    "voice": "speech is a plugin's; none of the catalog's reads this",
    "embeddingModel": "the plugin that makes embeddings chooses its model",
    "ragKnowledge": "the plugin that looks things up does so always",
    "imageSettings": "the plugin that makes images chooses its settings",
    "imageVisionModelName": "the model's plugin sees images",
    "transcription": "the model's plugin transcribes",
    "modelConfig": "only its temperature and maxOutputTokens mean something in elizaOS 1",
    "intiface": "no plugin reads it",
}
# The definition's `model` says these; written here they would win over it.
_OF_THE_MODEL = ("model", "maxTokens", "temperature")
_CLIENT_SETTINGS = {
    ("discord", "shouldIgnoreBotMessages"): "DISCORD_SHOULD_IGNORE_BOT_MESSAGES",
    ("discord", "shouldIgnoreDirectMessages"): "DISCORD_SHOULD_IGNORE_DIRECT_MESSAGES",
    ("discord", "shouldRespondOnlyToMentions"): "DISCORD_SHOULD_RESPOND_ONLY_TO_MENTIONS",
    ("discord", "allowedChannelIds"): "CHANNEL_IDS",
}


@dataclass(slots=True)
class SplitSettings:
    """Settings by where they go. `variables`: name → text; `temperature` and `max_tokens` are None when not said."""

    kept: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    model: str = ""
    temperature: float | None = None
    max_tokens: int | None = None


def split_settings(character: dict[str, Any], whereabouts: Whereabouts, notes: list[Note]) -> SplitSettings:
    """Takes the three keys apart. Values of secrets must have been refused before."""
    split = SplitSettings()
    settings = character.get("settings")
    if settings is not None and not isinstance(settings, dict):
        notes.append(Note("settings", f"{show(settings)} is no mapping and was left out"))
    settings = settings if isinstance(settings, dict) else {}
    _read_model(settings, split, notes)
    for key, value in settings.items():
        _place_setting(key, value, split, whereabouts, notes)
    for place, holder in (("settings.secrets", settings.get("secrets")), ("secrets", character.get("secrets"))):
        _read_secrets(place, holder, split, whereabouts, notes)
    _read_clients(character.get("clientConfig"), split, notes)
    return split


def _read_model(settings: dict[str, Any], split: SplitSettings, notes: list[Note]) -> None:
    old = settings.get("modelConfig")
    old = old if isinstance(old, dict) else {}
    temperature = settings.get("temperature", old.get("temperature"))
    most = settings.get("maxTokens", old.get("maxOutputTokens"))
    if isinstance(settings.get("model"), str):
        split.model = settings["model"]
    if isinstance(temperature, (int, float)) and not isinstance(temperature, bool) and 0 <= temperature <= 2:
        split.temperature = temperature
        notes.append(Note("settings", f"the temperature {temperature} went to the definition's `model`"))
    if isinstance(most, int) and not isinstance(most, bool) and most >= 1:
        split.max_tokens = most
        notes.append(Note("settings", f"at most {most} tokens an answer went to the definition's `model`"))


def _place_setting(key: str, value: Any, split: SplitSettings, whereabouts: Whereabouts, notes: list[Note]) -> None:
    place = f"settings.{key}"
    if key in _ENDED:
        notes.append(Note(place, f"left out: {_ENDED[key]}"))
    elif value is None:
        notes.append(Note(place, "null was left out"))
    elif key in ("secrets", *_OF_THE_MODEL):
        pass  # said elsewhere
    elif _VARIABLE.fullmatch(key) and isinstance(value, (str, bool, int, float)):
        _variable(place, key, value, split, whereabouts, notes)
    else:
        split.kept[key] = value


def _variable(
    place: str, key: str, value: Any, split: SplitSettings, whereabouts: Whereabouts, notes: list[Note]
) -> None:
    if is_empty(value):
        notes.append(Note(place, f"had no value and was left out; {whereabouts.way_out(key)}"))
        return
    if key in whereabouts.known:
        notes.append(Note(place, f"left out: {whereabouts.known[key]}"))
        return
    split.variables[key] = _text(value)
    notes.append(Note(place, "went to the definition as a variable"))


def _read_secrets(place: str, holder: Any, split: SplitSettings, whereabouts: Whereabouts, notes: list[Note]) -> None:
    if holder is None:
        return
    if not isinstance(holder, dict):
        notes.append(Note(place, f"{show(holder)} is no mapping and was left out"))
        return
    for key, value in holder.items():
        if is_empty(value):
            notes.append(Note(f"{place}.{key}", f"had no value and was left out; {whereabouts.way_out(key)}"))
        elif _VARIABLE.fullmatch(key) and isinstance(value, (str, bool, int, float)):
            _variable(f"{place}.{key}", key, value, split, whereabouts, notes)
        else:
            notes.append(Note(f"{place}.{key}", f"{show(value)} was left out"))


def _read_clients(clients: Any, split: SplitSettings, notes: list[Note]) -> None:
    if clients is None:
        return
    if not isinstance(clients, dict):
        notes.append(Note("clientConfig", f"{show(clients)} is no mapping and was left out"))
        return
    for client, config in clients.items():
        for key, value in config.items() if isinstance(config, dict) else ():
            place, variable = f"clientConfig.{client}.{key}", _CLIENT_SETTINGS.get((client, key))
            text = ",".join(map(str, value)) if isinstance(value, list) else _text(value)
            if variable and text:
                split.variables[variable] = text
                notes.append(Note(place, f"became the variable {variable}"))
            else:
                notes.append(Note(place, "no plugin of elizaOS 1 reads it; left out"))
        if not isinstance(config, dict):
            notes.append(Note(f"clientConfig.{client}", f"{show(config)} was left out"))


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
