"""`messageExamples`: conversations, each a list of turns {name, content: {text, actions}}."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ci.character_import.notes import Note, counted
from components.definition.findings import show

PLACE = "messageExamples"
# Keys of a content that elizaOS wants as text.
_TEXTS = ("text", "thought", "source", "target", "url")
_LISTS = ("actions", "providers")


def conversations(value: Any, name: str, notes: list[Note]) -> list[list[dict[str, Any]]]:
    """The conversations in `value`; `name` speaks where nobody is named. Changes of one kind make one note."""
    if value is None:
        return []
    if not isinstance(value, list):
        notes.append(Note(PLACE, f"{show(value)} is no list of conversations and was left out"))
        return []
    if value and all(isinstance(one, dict) for one in value):
        notes.append(Note(PLACE, "the list of turns became one conversation"))
        value = [value]
    changed: Counter[str] = Counter()
    result = []
    for index, conversation in enumerate(value):
        if not isinstance(conversation, list):
            notes.append(Note(f"{PLACE}.{index}", f"{show(conversation)} is no list of turns and was left out"))
            continue
        turns = [_turn(turn, f"{PLACE}.{index}.{at}", name, notes, changed) for at, turn in enumerate(conversation)]
        result.append([turn for turn in turns if turn])
    notes += [Note(PLACE, f"{what} ({counted(count, 'turn')})") for what, count in sorted(changed.items())]
    return [conversation for conversation in result if conversation]


def _turn(turn: Any, place: str, name: str, notes: list[Note], changed: Counter[str]) -> dict[str, Any]:
    if not isinstance(turn, dict):
        notes.append(Note(place, f"{show(turn)} is no turn and was left out"))
        return {}
    speaker = turn.get("name")
    if not isinstance(speaker, str):
        speaker = turn.get("user")
        if isinstance(speaker, str):
            changed["`user` became `name`"] += 1
        else:
            speaker = name
            changed["without a speaker; the character's name was put there"] += 1
    for key in turn.keys() - {"name", "user", "content"}:
        changed[f"`{key}` has no place in a turn and was left out"] += 1
    content = turn.get("content", turn.get("text"))
    if isinstance(content, str):
        changed["`content` became {text: …}"] += 1
        content = {"text": content}
    if not isinstance(content, dict):
        notes.append(Note(place, "the turn has no content and was left out"))
        return {}
    return {"name": speaker, "content": _content(content, place, notes, changed)}


def _content(content: dict[str, Any], place: str, notes: list[Note], changed: Counter[str]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in content.items():
        if key == "action":
            continue
        if (
            value is None
            or (key in _TEXTS and not isinstance(value, str))
            or (key in _LISTS and not _are_texts(value))
            or key in ("inReplyTo", "attachments", "channelType", "metadata")
        ):
            notes.append(Note(f"{place}.content.{key}", f"{show(value)} was left out"))
        else:
            result[key] = value
    action = content.get("action")
    if isinstance(action, str) and action:
        changed["`action` became `actions`"] += 1
        result.setdefault("actions", [action])
    elif "action" in content:
        changed["an empty `action` was left out"] += 1
    return result


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)
