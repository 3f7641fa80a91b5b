"""Texts and lists of texts, as elizaOS 1 wants them, out of what stands in their place."""

from __future__ import annotations

from typing import Any

from ci.character_import.notes import Note
from components.definition.findings import show


def text_list(value: Any, place: str, notes: list[Note]) -> list[str]:
    """The texts in `value`; numbers become text, everything else is left out, each with a note."""
    if value is None:
        return []
    if not isinstance(value, list):
        value = [value]
    texts = []
    for index, item in enumerate(value):
        text = one_text(item, f"{place}.{index}", notes)
        if text:
            texts.append(text)
    return texts


def one_text(value: Any, place: str, notes: list[Note]) -> str:
    """The text in `value`; empty for what is none, with a note."""
    if isinstance(value, str):
        if not value.strip():
            notes.append(Note(place, "the empty text was left out"))
        return value if value.strip() else ""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        notes.append(Note(place, "the number became text"))
        return str(value)
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        notes.append(Note(place, "the list of texts became one text"))
        return "\n".join(value)
    notes.append(Note(place, f"{show(value)} is no text and was left out"))
    return ""


def without_repeats(texts: list[str], place: str, notes: list[Note]) -> list[str]:
    """The texts, each once."""
    once = list(dict.fromkeys(texts))
    if len(once) < len(texts):
        notes.append(Note(place, f"{len(texts) - len(once)} said what another says already and were left out"))
    return once
