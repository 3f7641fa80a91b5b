"""The character itself: from the format of elizaOS before 1.0, or today's, into today's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from ci.character_import.conversations import conversations
from ci.character_import.notes import CannotImport, Note, counted
from ci.character_import.texts import one_text, text_list, without_repeats
from components.definition.findings import show

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_STYLES = ("all", "chat", "post")
# Keys that only elizaOS before 1.0 knows.
_OLD = frozenset(("clients", "clientConfig", "modelProvider", "imageModelProvider", "lore", "people", "extends"))
# What goes into the definition, by other modules.
_ELSEWHERE = frozenset(("settings", "secrets", "clients", "clientConfig", "modelProvider", "plugins"))
_ENDED = {
    "imageModelProvider": "images are a plugin's; name plugins in the definition",
    "imageVisionModelProvider": "the model's plugin sees images",
    "modelEndpointOverride": "the catalog's provider says where the model is",
    "extends": "the file that it names was not read; write the whole character into one file",
    "$schema": "Roster checks characters itself",
}


def is_old(character: dict[str, Any]) -> bool:
    """Whether it was written for elizaOS before 1.0."""
    turns = character.get("messageExamples")
    first = turns[0] if isinstance(turns, list) and turns else None
    spoken = first[0] if isinstance(first, list) and first else None
    return bool(_OLD.intersection(character)) or (isinstance(spoken, dict) and "user" in spoken)


def convert(given: dict[str, Any], settings: dict[str, Any], notes: list[Note]) -> dict[str, Any]:
    """Today's character, without plugins, which the definition names. `settings` are those that stay.

    Raises CannotImport when it has no name.
    """
    name = given.get("name")
    if not isinstance(name, str) or not name.strip():
        raise CannotImport(f"name: {show(name)}; a character needs a name")
    result: dict[str, Any] = {"name": name}
    for key, read in _READERS.items():
        value = read(given, notes)
        if value:
            result[key] = value
    examples = conversations(given.get("messageExamples"), name, notes)
    if examples:
        result["messageExamples"] = examples
    result["bio"] = _bio(given, name, notes)
    if settings:
        result["settings"] = settings
    _name_the_rest(given, notes)
    return {key: result[key] for key in _ORDER if key in result}


def _bio(given: dict[str, Any], name: str, notes: list[Note]) -> list[str]:
    bio = text_list(given.get("bio"), "bio", notes)
    lore = text_list(given.get("lore"), "lore", notes)
    profile = given.get("twitterProfile")
    more = [profile["bio"]] if isinstance(profile, dict) and isinstance(profile.get("bio"), str) else []
    if lore:
        notes.append(
            Note("lore", f"{counted(len(lore), 'text')} went to the end of bio, which elizaOS 1 reads for both")
        )
    if isinstance(profile, dict):
        notes.append(Note("twitterProfile", "its bio went to the end of bio; the rest was left out"))
    texts = without_repeats([*bio, *lore, *more], "bio", notes)
    if not texts:
        description = given.get("description")
        texts = [description if isinstance(description, str) and description.strip() else f"{name}."]
        notes.append(Note("bio", "was missing, and elizaOS needs one: say here who it is"))
    return texts


def _texts_of(key: str) -> Callable[[dict[str, Any], list[Note]], list[str]]:
    return lambda given, notes: text_list(given.get(key), key, notes)


def _system(given: dict[str, Any], notes: list[Note]) -> str:
    return one_text(given["system"], "system", notes) if given.get("system") is not None else ""


def _id(given: dict[str, Any], notes: list[Note]) -> str:
    value = given.get("id")
    if isinstance(value, str) and _UUID.fullmatch(value):
        return value
    if value is not None:
        notes.append(Note("id", "is no UUID and was left out; elizaOS makes one from the name"))
    return ""


def _username(given: dict[str, Any], notes: list[Note]) -> str:
    value, profile = given.get("username"), given.get("twitterProfile")
    if value is None and isinstance(profile, dict):
        value = profile.get("username")
    return one_text(value, "username", notes) if value is not None else ""


def _knowledge(given: dict[str, Any], notes: list[Note]) -> list[str]:
    people = text_list(given.get("people"), "people", notes)
    if people:
        notes.append(Note("people", f"{counted(len(people), 'text')} went to the end of knowledge"))
    texts = []
    items = given.get("knowledge")
    for index, item in enumerate(items if isinstance(items, list) else [] if items is None else [items]):
        place = f"knowledge.{index}"
        if isinstance(item, dict):
            texts += _knowledge_item(item, place, notes)
        else:
            texts += text_list(item, place, notes)
    return [*texts, *people]


def _knowledge_item(item: dict[str, Any], place: str, notes: list[Note]) -> list[str]:
    for key in ("content", "text"):
        content = item.get(key)
        content = content.get("text") if isinstance(content, dict) else content
        if isinstance(content, str) and content.strip():
            notes.append(Note(place, f"its `{key}` became the text; the rest of it was left out"))
            return [content]
    where = item.get("path") or item.get("directory")
    named = f" ({show(where)})" if isinstance(where, str) else ""
    notes.append(Note(place, f"files are not taken over{named}; put them beside the definition, into its `knowledge`"))
    return []


def _style(given: dict[str, Any], notes: list[Note]) -> dict[str, list[str]]:
    style = given.get("style")
    if style is None:
        return {}
    if not isinstance(style, dict):
        style = {"all": style}
        notes.append(Note("style", "what stood there went to style.all"))
    result = {key: text_list(style.get(key), f"style.{key}", notes) for key in _STYLES}
    for key in style.keys() - set(_STYLES):
        rules = text_list(style[key], f"style.{key}", notes)
        notes.append(
            Note(f"style.{key}", f"{counted(len(rules), 'rule')} went to style.all; elizaOS knows all, chat, post")
        )
        result["all"] += rules
    return {key: rules for key, rules in result.items() if rules}


def _templates(given: dict[str, Any], notes: list[Note]) -> dict[str, str]:
    templates = given.get("templates")
    if not templates:
        return {}
    if not isinstance(templates, dict):
        notes.append(Note("templates", f"{show(templates)} is no mapping and was left out"))
        return {}
    if is_old(given):
        names = ", ".join(sorted(templates))
        notes.append(Note("templates", f"left out ({names}): they ask for answers in the form of elizaOS before 1.0"))
        return {}
    texts = {key: one_text(value, f"templates.{key}", notes) for key, value in templates.items()}
    return {key: text for key, text in texts.items() if text}


def _name_the_rest(given: dict[str, Any], notes: list[Note]) -> None:
    for key in given:
        if key in _ENDED:
            notes.append(Note(key, f"left out: {_ENDED[key]}"))
        elif key not in _KNOWN:
            notes.append(Note(key, "left out: elizaOS does not know it"))


_READERS: dict[str, Callable[[dict[str, Any], list[Note]], Any]] = {
    "id": _id,
    "username": _username,
    "system": _system,
    "templates": _templates,
    "postExamples": _texts_of("postExamples"),
    "topics": _texts_of("topics"),
    "adjectives": _texts_of("adjectives"),
    "knowledge": _knowledge,
    "style": _style,
}
_ORDER = ("id", "name", "username", "system", "bio", "templates", "messageExamples", "postExamples", "topics",
          "adjectives", "knowledge", "settings", "style")  # fmt: skip
_KNOWN = _ELSEWHERE | set(_ORDER) | {"lore", "people", "twitterProfile"}
