"""What is refused in a character, where, and with which advice."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest

from components.definition.character import character_findings, read_character
from components.definition.findings import Finding
from components.definition.json_reader import read_json
from components.definition.yaml_reader import read_yaml

DAMAGE = (
    "",
    '"',
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\\",
    "\\ud800",
    "\n",
    "\0",
    "NaN",
    "1e999",
    "null",
    '"bio": 7,',
    "é",
    "\u2028",
)
UUID = "3f2b8c1e-5d4a-4b6f-9e7d-2a1c0b9d8e7f"
TURN = {"name": "{{user1}}", "content": {"text": "Is it open on Sunday?"}}


def findings_of(text: str) -> list[Finding]:
    found: list[Finding] = []
    read_character(text, "agents/community/ada.character.json", found)
    return found


def findings_with(**keys: Any) -> list[Finding]:
    return findings_of(json.dumps({"name": "Ada", "bio": "Knows the library.", **keys}))


def only(found: list[Finding]) -> Finding:
    assert len(found) == 1, found
    return found[0]


def test_a_full_character_is_accepted_as_it_is_written() -> None:
    written = {
        "id": UUID.upper(),
        "name": "Ada",
        "username": "ada",
        "system": "You help readers.",
        "bio": ["Knows the library."],
        "templates": {"replyTemplate": "{{providers}}"},
        "messageExamples": [[TURN, {"name": "Ada", "content": {"text": "Yes.", "actions": ["REPLY"], "mood": 1}}]],
        "postExamples": ["A new shelf."],
        "topics": ["books"],
        "adjectives": ["kind"],
        "knowledge": ["Open from 9 to 5.", {"path": "a.md", "shared": True}, {"directory": "docs"}],
        "plugins": ["@elizaos/plugin-sql"],
        "settings": {
            "avatar": "https://example.com/a.png",
            "depth": 3,
            "loud": False,
            "voice": {"model": "x"},
            "l": [],
        },
        "secrets": {},
        "style": {"all": ["short"], "chat": [], "post": []},
    }
    found: list[Finding] = []
    assert read_character(json.dumps(written), "ada.character.json", found) == written
    assert found == []


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"clients": ["discord"]}, "character-unknown-key", "no longer knows 'clients': name channels in the definition's"),
    ({"modelProvider": "anthropic"}, "character-unknown-key", "no longer knows 'modelProvider': name the model in the"),
    ({"lore": ["Was a lighthouse."]}, "character-unknown-key", "no longer knows 'lore': put it into `bio` or"),
    ({"people": []}, "character-unknown-key", "no longer knows 'people': put it into `knowledge`"),
    ({"topic": ["books"]}, "character-unknown-key", "unknown key 'topic'. Did you mean 'topics'?"),
    ({"name": ""}, "character-wrong-value", "name: '' is too short"),
    ({"bio": 5}, "character-wrong-value", "bio: 5 is neither text nor a list of texts"),
    ({"bio": ["a", 5]}, "character-wrong-type", "bio.1: 5 is not text"),
    ({"id": "ada-1"}, "character-wrong-value", "id: 'ada-1' is not a UUID, such as 3f2b8c1e-"),
    ({"username": None}, "character-wrong-type", "username: null is not text"),
    ({"style": ["short"]}, "character-wrong-type", "style: a list is not a mapping"),
    ({"templates": {"reply": 1}}, "character-wrong-type", "templates.reply: 1 is not text"),
    ({"knowledge": [{"id": "1", "content": "x"}]}, "character-wrong-value", "knowledge.0: a mapping is none of: text,"),
    ({"settings": {"voice": None}}, "character-wrong-value", "settings.voice: null is not allowed; leave the key out"),
    ({"messageExamples": "hello"}, "character-wrong-type", "messageExamples: 'hello' is not a list"),
    ({"messageExamples": [TURN]}, "character-wrong-type", "messageExamples.0: a mapping is not a list: each conversat"),
    ({"messageExamples": [["hi"]]}, "character-wrong-type", "messageExamples.0.0: 'hi' is not a mapping"),
    ({"messageExamples": [[{"name": "Ada"}]]}, "character-missing-key", "messageExamples.0.0.content is missing"),
    (
        {"messageExamples": [[{"name": "Ada", "content": "hi"}]]},
        "character-wrong-type",
        "messageExamples.0.0.content: 'hi' is not a mapping",
    ),
    (
        {"messageExamples": [[{"user": "Ada", "content": {"text": "hi"}}]]},
        "character-missing-key",
        "messageExamples.0.0.name is missing; it says who speaks (`user` before elizaOS 1)",
    ),
    ({"secrets": {"KEY": "v"}}, "pasted-secret", "secrets: no values here, not even empty ones"),
    ({"settings": {"secrets": {"KEY": ""}}}, "pasted-secret", "settings.secrets: no values here, not even empty ones"),
]


@pytest.mark.parametrize(("keys", "rule", "message"), WRONG, ids=[str(keys)[:60] for keys, _, _ in WRONG])
def test_one_wrong_thing_gives_one_finding_that_says_what_to_do(keys: dict[str, Any], rule: str, message: str) -> None:
    finding = only([one for one in findings_with(**keys) if one.severity == "error"])
    assert (finding.rule, message in finding.message) == (rule, True), finding


def test_a_secret_is_never_repeated_in_a_finding() -> None:
    token = "sk-" + "ant-api03-" + "k" * 40
    for keys in ({"secrets": {"KEY": token}}, {"settings": {"secrets": token}}, {"id": token}, {"bio": {"a": token}}):
        assert token not in str(findings_with(**keys))


def test_name_and_bio_are_needed_and_all_is_said_at_once() -> None:
    found = findings_of('{"topics": "books", "lore": []}')
    assert [one.rule for one in found].count("character-missing-key") == 2
    assert len(found) == 4


@pytest.mark.parametrize("text", ["[]", "null", '"Ada"', "7", "true"])
def test_what_is_not_a_mapping_is_refused(text: str) -> None:
    assert only(findings_of(text)).rule == "character-wrong-type"


def test_a_key_that_elizaos_would_drop_is_a_warning() -> None:
    found = findings_with(style={"al": ["short"]}, knowledge=[{"path": "a.md", "content": "x"}])
    assert [(one.severity, one.rule) for one in found] == [("warning", "character-no-effect")] * 2
    assert "style: 'al' has no effect" in found[0].message


def test_many_alike_are_counted_and_do_not_hide_the_others() -> None:
    old = [[{"user": "Ada", "content": {"text": "hi"}}] for _ in range(40)]
    found = findings_with(messageExamples=old, lore=[])
    assert len(found) == 6
    assert any("(and 35 more like this)" in one.message for one in found)
    assert any("'lore'" in one.message for one in found)


BROKEN: list[tuple[str, tuple[int, int, str], str]] = [
    ('{\n  "name": "Ada"\n  "bio": "x"\n}', (3, 3, "not-json"), "Expecting ',' delimiter"),
    ('{\n  "name": "Ada",\n  "bio": "x",\n}', (3, 13, "not-json"), "nothing follows this comma"),
    ('{\n  "name": "Ada",\n  "bio": ["x",\n  ]\n}', (3, 14, "not-json"), "nothing follows this comma"),
    ('{\n  "name": "Ada,\n  "bio": "x"\n}', (2, 16, "not-json"), "Invalid control character"),
    ('{\n  "name": "Ada", // who\n  "bio": "x"\n}', (2, 18, "not-json"), "JSON has no comments"),
    ("{\n  'name': 'Ada'\n}", (2, 3, "not-json"), "Expecting property name enclosed in double quotes"),
    ('{"name": "Ada", "bio": "x"}\n{}', (2, 1, "not-json"), "Extra data"),
    ('\ufeff{"name": "Ada", "bio": "x"}', (1, 1, "not-json"), "Unexpected UTF-8 BOM"),
    (" \n", (1, 1, "empty-file"), "the file is empty"),
    ('{"name": "Ada", "bio": "x",\n "settings": {"a": NaN}}', (2, 20, "not-json"), "NaN is no number of JSON"),
    ('{"name": "Ada", "bio": "x",\n "settings": {"a": -Infinity}}', (2, 20, "not-json"), "-Infinity is no number"),
    ('{"name": "Ada", "bio": "x",\n "settings": {"a": 1e999}}', (2, 20, "too-large"), "'1e999' is too large"),
    ('{"name": "Ada", "bio": "x",\n "settings": {"a": 1' + "0" * 5000 + "}}", (2, 20, "too-large"), "is too large"),
    ('{"name": "Ada", "bio": "x",\n\t"bio": "y"}', (2, 2, "duplicate-key"), "the key 'bio' stands here a second time"),
    (
        '{"name": "Ada", "bio": "x", "style": {"all": [],\n "\\u0061ll": []}}',
        (2, 2, "duplicate-key"),
        "the key 'all' stands here a second time",
    ),
    ('{"name": "Ada",\n "bio": "\\ud83d"}', (2, 9, "not-text"), "half of a surrogate pair"),
    (
        '{"name": "Ada", "bio": "x", "settings": {"a": ' + "[" * 70 + "]" * 70 + "}}",
        (1, 1, "too-deep"),
        "deeper than 64",
    ),
    ("[" * 100_000 + "]" * 100_000, (1, 1, "too-deep"), "deeper than 64"),
]


@pytest.mark.parametrize(("text", "place", "message"), BROKEN, ids=[message for _, _, message in BROKEN])
def test_broken_json_is_one_finding_at_its_place(text: str, place: tuple[int, int, str], message: str) -> None:
    finding = only(findings_of(text))
    assert (finding.line, finding.column, finding.rule) == place
    assert message in finding.message


def test_findings_point_at_their_line_also_where_yaml_would_not_read_the_file() -> None:
    # Tabs and pairs of \u escapes are common in JSON; a YAML parser knows neither.
    text = '{\n\t"name": "Ada",\n\t"bio": "\\ud83d\\ude00 {[,:\\"",\n\t"style": {\n\t\t"all": ["a",\n\t\t\t7]\n\t}\n}'
    finding = only(findings_of(text))
    assert (finding.line, finding.column) == (6, 4)


def test_every_value_of_a_document_is_found_at_its_place() -> None:
    text = '{"a": [1, {"b": []}, [[2]]],\n "c": {},\n "d": "x"}'
    document = read_json(text, "x.json")
    places = {
        (): (1, 1),
        ("a",): (1, 7),
        ("a", 0): (1, 8),
        ("a", 1, "b"): (1, 17),
        ("a", 2, 0, 0): (1, 24),
        ("c",): (2, 7),
        ("d",): (3, 7),
        ("d", "no", 3): (3, 7),
    }
    assert {path: document.place(path) for path in places} == places
    assert document.place(("d",), key=True) == (3, 2)


def test_a_large_file_full_of_mistakes_is_judged_quickly() -> None:
    keys = ",\n".join(f'"key{number}": {{"a": 7}}' for number in range(10_000))
    started = time.process_time()
    found = findings_of("{" + f"{keys},\n{keys}" + "}")
    assert (found[0].rule, found[0].line) == ("duplicate-key", 10_001)
    assert time.process_time() - started < 10


@pytest.mark.parametrize("seed", range(20))
def test_damaged_text_gives_findings_and_never_a_traceback(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - the same damage in each run
    whole = json.dumps({"name": "Ada", "bio": ["x"], "messageExamples": [[TURN]], "settings": {"a": [1.5, None]}})
    for _ in range(50):
        text = whole
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(DAMAGE) + text[at + chance.choice((0, 1, 5)) :]
        for finding in findings_of(text):
            assert str(finding).encode()
            assert 1 <= finding.line <= text.count("\n") + 1


def test_an_inline_character_is_held_to_the_same_and_points_into_the_definition() -> None:
    document = read_yaml(b"version: 1\ncharacter:\n  inline:\n    name: Ada\n    bio: x\n    lore: [y]\n", "a.yaml")
    value = document.value["character"]["inline"]
    finding = only(character_findings(value, document, ("character", "inline")))
    assert (finding.line, finding.column, finding.rule) == (6, 5, "character-unknown-key")
