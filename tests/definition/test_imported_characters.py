"""What `roster import` makes of characters passes our checks and, rendered, the validator of elizaOS itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from npm_package import missing
from real_elizaos import verdicts
from small_fleet import TODAY, fleet

from ci.character_import.convert import Imported, import_character
from ci.character_import.definition import NewAgent
from ci.character_import.notes import CannotImport
from components.definition.findings import errors
from components.definition.load_catalog import Catalog
from components.specs.config import config_data

CHARACTERS = sorted((Path(__file__).parents[1] / "fixtures" / "characters").glob("*.json"))
# One of each kind, and texts that YAML could read as something else.
VALUES = (
    None, True, 0, 0.5, -1, 1e308, "", "  ", "text", "a\nb: c", "#x: [", "yes", "1e3", "'\"\\", "\x00\u2028🙂",
    [], [None], ["text"], [[]], [{}], {}, {"unknown": 1}, {"secrets": {}},
)  # fmt: skip


def imported(data: bytes) -> Imported:
    return import_character(data, "a.json", NewAgent("", "community", "community"), catalog(), TODAY)


@cache
def catalog() -> Catalog:
    return fleet({}).catalog


def rendered(one: Imported) -> list[str]:
    """The character file of each environment; an error that `roster check` would find fails the test."""
    files = {path.removeprefix("agents/"): data for path, data in one.files.items()}
    examined = fleet(files).examine(f"agents/community/{one.name}.yaml")
    assert errors(examined.findings) == []
    assert examined.resolved
    return [config_data(agent)["character.json"] for agent in examined.resolved.values()]


@pytest.mark.skipif(bool(missing()), reason=f"elizaOS's validator needs {missing()} on this machine")
def test_elizaos_accepts_what_the_import_writes_and_roster_renders() -> None:
    texts = [text for file in CHARACTERS for text in rendered(imported(file.read_bytes()))]
    assert len(texts) >= 2 * len(CHARACTERS) >= 4
    assert verdicts(texts) == [None] * len(texts)


@pytest.mark.skipif(bool(missing()), reason=f"elizaOS's validator needs {missing()} on this machine")
def test_whatever_stands_in_a_character_the_import_writes_what_elizaos_accepts_or_refuses_it() -> None:
    written, refused = set(), 0
    for text in mutations():
        try:
            files = imported(text).files
        except CannotImport:
            refused += 1
        else:
            written |= {data.decode() for path, data in files.items() if path.endswith(".json")}
    assert len(written) > 500
    assert refused < 300
    texts = sorted(written)
    accepted = verdicts(texts)
    assert [(text, verdict) for text, verdict in zip(texts, accepted, strict=True) if verdict] == []


def test_whatever_stands_in_a_character_the_definition_passes_the_check() -> None:
    checked = 0
    for index, text in enumerate(mutations()):
        if index % 17 == 0:  # resolving takes most of the time; each value and place has its turn
            try:
                rendered(imported(text))
                checked += 1
            except CannotImport:
                pass
    assert checked > 100


def mutations() -> Iterator[bytes]:
    """The characters with the value at one place replaced."""
    for file in CHARACTERS:
        whole = json.loads(file.read_bytes())
        for path in paths(whole):
            for value in VALUES:
                changed = inside = copy.deepcopy(whole)
                for step in path[:-1]:
                    inside = inside[step]
                inside[path[-1]] = value
                yield json.dumps(changed).encode()


def paths(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, child in steps:
        yield (*at, step)
        yield from paths(child, (*at, step))
