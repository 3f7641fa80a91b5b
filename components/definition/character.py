"""Reads elizaOS characters: what elizaOS would refuse, what it would drop, and what has no place in Git."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from components.definition.eliza_character import ElizaCharacter, MessageExample, Style
from components.definition.explain_error import validate
from components.definition.findings import Finding, show
from components.definition.json_reader import read_json
from components.definition.yaml_reader import Document, KeyPath

__all__ = ["ElizaCharacter", "character_findings", "read_character"]

# Keys of elizaOS before 1.0, and where their content goes now.
_OLD_KEYS = {
    "clients": "name channels in the definition's `channels`",
    "clientConfig": "a channel's own settings go into the definition's `channels`",
    "modelProvider": "name the model in the definition's `model`",
    "imageModelProvider": "name plugins in the definition's `plugins`",
    "modelEndpointOverride": "the catalog's provider says where the model is",
    "lore": "put it into `bio` or `knowledge`",
    "people": "put it into `knowledge`",
    "twitterProfile": "put it into `bio`",
    "extends": "write the whole character into one file",
}
_MOST_ALIKE = 5


def read_character(text: str, file: str, findings: list[Finding]) -> dict[str, Any]:
    """The character in a JSON file; what is wrong with it is added to `findings`, with line and column."""
    document = read_json(text, file)
    findings += document.findings
    if document.value is None and document.findings:
        return {}
    findings += character_findings(document.value, document)
    return document.value if isinstance(document.value, dict) else {}


def character_findings(value: Any, document: Document, prefix: KeyPath = ()) -> list[Finding]:
    """What elizaOS would refuse, what it would drop (as warnings), and what has no place in Git."""
    found = [_explained(finding) for finding in validate(ElizaCharacter, value, document, prefix)]
    found = list(_fewer(found))
    if isinstance(value, dict):
        for path in _secret_values(value):
            message = (
                f"{'.'.join(path)}: no values here, not even empty ones, which would hide the real ones; "
                "name the variables in the definition's `secrets`, as path#key"
            )
            found.append(document.finding((*prefix, *path), "pasted-secret", message, key=True))
        found += _dropped(value, document, prefix)
    return found


def _explained(finding: Finding) -> Finding:
    """The finding with a hint where it is known what the author had in mind."""
    message = finding.message
    for pattern, explain in _EXPLANATIONS:
        match = re.match(pattern, message)
        if match:
            message = explain(match)
            break
    return replace(finding, rule=f"character-{finding.rule}", message=message)


def _old_key(match: re.Match[str]) -> str:
    hint = _OLD_KEYS.get(match[1])
    return f"elizaOS 1 no longer knows {match[1]!r}: {hint}" if hint else match.string


_EXPLANATIONS: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"unknown key '([A-Za-z]+)'", _old_key),
    (
        r"(messageExamples\.\d+\.\d+)\.name is missing",
        lambda match: f"{match[1]}.name is missing; it says who speaks (`user` before elizaOS 1)",
    ),
    (
        r"messageExamples\.\d+: .* is not a list",
        lambda match: f"{match.string}: each conversation is a list of turns, {{name: …, content: {{text: …}}}}",
    ),
)


def _fewer(findings: list[Finding]) -> Iterator[Finding]:
    """Of findings that differ in nothing but the place just the first few: a hundred alike hide the others."""
    alike: dict[str, int] = {}
    kinds = [f"{finding.rule} {re.sub(r'[.][0-9]+', '.#', finding.message)}" for finding in findings]
    total = Counter(kinds)
    for finding, kind in zip(findings, kinds, strict=True):
        alike[kind] = count = alike.get(kind, 0) + 1
        more = total[kind] - _MOST_ALIKE
        if count < _MOST_ALIKE or (count == _MOST_ALIKE and not more):
            yield finding
        elif count == _MOST_ALIKE:
            yield replace(finding, message=f"{finding.message} (and {more} more like this)")


def _secret_values(character: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    if character.get("secrets") and isinstance(character["secrets"], dict):
        yield ("secrets",)
    settings = character.get("settings")
    if isinstance(settings, dict) and settings.get("secrets"):
        yield "settings", "secrets"


def _dropped(character: dict[str, Any], document: Document, prefix: KeyPath) -> list[Finding]:
    """Keys that elizaOS reads over: their author believes that they do something."""
    found = []
    for path, mapping, known in _tolerant_mappings(character):
        for key in mapping if isinstance(mapping, dict) else ():
            # A turn with `user` and no `name` is refused already.
            if key not in known and not (key == "user" and "name" not in mapping):
                where = ".".join(map(str, path))
                message = f"{where}: {show(key)} has no effect, elizaOS drops it; it knows {', '.join(known)} here"
                finding = document.finding((*prefix, *path, key), "character-no-effect", message, key=True)
                found.append(replace(finding, severity="warning"))
    return list(_fewer(found))


def _tolerant_mappings(character: dict[str, Any]) -> Iterator[tuple[KeyPath, Any, tuple[str, ...]]]:
    yield ("style",), character.get("style"), tuple(Style.model_fields)
    for index, item in enumerate(_items(character.get("knowledge"))):
        by_path = isinstance(item, dict) and isinstance(item.get("path"), str)
        yield ("knowledge", index), item, ("path" if by_path else "directory", "shared")
    for first, conversation in enumerate(_items(character.get("messageExamples"))):
        for second, turn in enumerate(_items(conversation)):
            yield ("messageExamples", first, second), turn, tuple(MessageExample.model_fields)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
