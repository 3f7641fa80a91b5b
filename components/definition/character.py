"""The elizaOS character file, as strict as elizaOS 1.7 itself."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import Field

from components.definition.explain_error import validate
from components.definition.fields import Closed
from components.definition.findings import Finding
from components.definition.yaml_reader import Document, KeyPath

_OLD_KEYS = {
    "clients": "channels are named in the definition",
    "modelProvider": "the model is named in the definition",
    "lore": "put it into bio or knowledge",
    "people": "put it into knowledge",
    "secrets": "secrets are references in the definition",
}


class Content(Closed):
    """What somebody says."""

    text: str = ""
    action: str | None = None
    actions: list[str] | None = None
    source: str | None = None


class MessageExample(Closed):
    """One turn of an example conversation."""

    name: str
    content: Content


class Style(Closed):
    """How it writes."""

    all: list[str] | None = None
    chat: list[str] | None = None
    post: list[str] | None = None


class ElizaCharacter(Closed):
    """Who an Eliza agent is."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    bio: str | list[str]
    id: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{8}-([0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$")] | None = None
    username: str | None = None
    system: str | None = None
    templates: dict[str, str] | None = None
    messageExamples: list[list[MessageExample]] | None = None  # noqa: N815 - elizaOS's own key
    postExamples: list[str] | None = None  # noqa: N815 - elizaOS's own key
    topics: list[str] | None = None
    adjectives: list[str] | None = None
    knowledge: list[str | dict[str, Any]] | None = None
    plugins: list[str] | None = None
    settings: dict[str, Any] | None = None
    style: Style | None = None


def read_character(text: str, file: str, findings: list[Finding]) -> dict[str, Any]:
    """The character in a JSON file; what is wrong with it is added to `findings`, with line and column."""
    document = Document(file, {}, [], text)
    try:
        value = json.loads(text, object_pairs_hook=_no_duplicates)
    except json.JSONDecodeError as error:
        findings.append(Finding(file, error.lineno, error.colno, "not-json", f"not valid JSON: {error.msg}"))
        return {}
    except _DuplicateKey as error:
        line = text.count("\n", 0, _second(text, error.key)) + 1
        findings.append(Finding(file, line, 1, "duplicate-key", f"the key {error.key!r} stands in a mapping twice"))
        return {}
    except RecursionError:
        findings.append(Finding(file, 1, 1, "too-deep", "nested too deep"))
        return {}
    document.value = value
    findings += character_findings(value, document)
    return value if isinstance(value, dict) else {}


def character_findings(value: Any, document: Document, prefix: KeyPath = ()) -> list[Finding]:
    """What elizaOS would refuse, and what has no place in Git."""
    found = []
    for finding in validate(ElizaCharacter, value, document, prefix):
        old = next((word for word in _OLD_KEYS if f"unknown key '{word}'" in finding.message), None)
        message = f"{finding.message} (elizaOS 1 no longer knows it: {_OLD_KEYS[old]})" if old else finding.message
        found.append(Finding(finding.file, finding.line, finding.column, f"character-{finding.rule}", message))
    settings = value.get("settings") if isinstance(value, dict) else None
    if isinstance(settings, dict) and settings.get("secrets"):
        message = "settings.secrets: secrets are references in the definition's `secrets`, never values"
        found.append(document.finding((*prefix, "settings", "secrets"), "pasted-secret", message))
    return found


class _DuplicateKey(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKey(key)
            seen.add(key)
    return result


def _second(text: str, key: str) -> int:
    places = [match.start() for match in re.finditer(re.escape(json.dumps(key)), text)]
    return places[1] if len(places) > 1 else 0
