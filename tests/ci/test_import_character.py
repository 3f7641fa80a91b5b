"""`roster import`: an elizaOS character of any version becomes an agent, and whatever changes on the way is said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_fleet import roster, snapshot, write_fleet

CHARACTERS = Path(__file__).parents[1] / "fixtures" / "characters"
OLD, NEW = CHARACTERS / "before-1.character.json", CHARACTERS / "since-1.character.json"
SMALL: dict[str, Any] = {"name": "Ada", "bio": ["A guide."]}
# Made up; of the shape of a real one.
KEY = "sk-" + "q7" * 16


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return write_fleet(tmp_path / "repository")


def given(top: Path, character: Any, name: str = "ada.character.json") -> Path:
    """A file with the character, outside of the repository."""
    file = top.parent / name
    if isinstance(character, bytes):
        file.write_bytes(character)
    else:
        file.write_text(character if isinstance(character, str) else json.dumps(character), "utf-8")
    return file


def imported(top: Path, file: Path, *options: str) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The definition and the character that the import wrote, and what it said."""
    before = snapshot(top)
    done = roster(top, "import", str(file), "--pool", "chat", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    definition, character = sorted(snapshot(top).keys() - before.keys(), key=len)
    assert character == definition.removesuffix(".yaml") + ".character.json"
    assert f"next: git add {character} {definition} && git commit" in done.stdout
    checked = roster(top, "check")
    assert checked.returncode == 0, checked.stdout
    assert definition not in checked.stdout
    written = json.loads((top / character).read_text("utf-8"))
    return yaml.safe_load((top / definition).read_text("utf-8")), written, done.stdout


def refused(top: Path, file: Path, *options: str, pool: str = "chat") -> str:
    """What is said about a character of which nothing is written."""
    before = snapshot(top)
    done = roster(top, "import", str(file), "--pool", pool, *options)
    assert done.returncode in (1, 2), done.stdout
    assert snapshot(top) == before
    return done.stdout + done.stderr


def test_a_character_from_before_elizaos_1_becomes_an_agent_of_today(top: Path) -> None:
    definition, character, _ = imported(top, OLD)
    assert definition == {
        "version": 1,
        "description": "Kept a lighthouse for thirty years.",
        "owner": "blue",
        "runtime": "character",
        "model": {"provider": "lab", "name": "lab-one", "max_tokens": 300, "temperature": 0.4},
        "character": {"file": "old-salt.character.json"},
        "plugins": ["search"],
        "channels": {"telegram": {"env": {"TELEGRAM_GREETING": "Ahoy"}}},
        "env": {"DISCORD_SHOULD_IGNORE_BOT_MESSAGES": "true", "HARBOUR": "north", "POLL_SECONDS": "30"},
    }
    assert character == {
        "name": "Old Salt",
        "username": "old_salt",
        "system": "Tell sailors when the tide turns.",
        "bio": [
            "Kept a lighthouse for thirty years.",
            "Smells of tar.",
            "Once rowed to the island and back for a newspaper.",
            "Lamp lit, kettle on.",
        ],
        "messageExamples": [
            [
                {"name": "{{user1}}", "content": {"text": "When is high water?"}},
                {"name": "Old Salt", "content": {"text": "At ten past six.", "actions": ["CONTINUE"]}},
            ]
        ],
        "postExamples": ["Fog until noon. Stay in bed."],
        "topics": ["tides", "knots"],
        "adjectives": ["gruff"],
        "knowledge": [
            "High water comes fifty minutes later each day.",
            "The ferry holds forty.",
            "Nell sells the tickets.",
        ],
        "settings": {"avatar": "https://example.com/salt.png"},
        "style": {"all": ["short", "metres, not feet"], "chat": ["one question at a time"]},
    }


def test_whatever_the_import_changes_or_leaves_out_is_said(top: Path) -> None:
    _, character, said = imported(top, OLD)
    changed = {line.split(": ", 2)[1] for line in said.splitlines() if line.startswith("note: ")}
    kept = {"name", "username", "system", "topics", "adjectives"}
    source = json.loads(OLD.read_text())
    assert {key for key in source if not any(one.split(".")[0] == key for one in changed)} == kept
    assert all(character[key] == source[key] for key in kept)
    parts = {f"settings.{key}" for key in source["settings"]} - {"settings.secrets", "settings.modelConfig"}
    assert parts - changed == {"settings.avatar"}
    for place in ("clients.1", "plugins.0", "plugins.3", "knowledge.1", "messageExamples.1", "style.technical"):
        assert place in changed
    assert "note: clients.1: farcaster: left out, the catalog has no such channel; it has telegram" in said
    assert "note: knowledge: has no effect: the catalog has no plugin that looks knowledge up" in said


def test_a_character_of_today_stays_as_it_is_but_for_what_the_definition_says(top: Path) -> None:
    definition, character, _ = imported(top, NEW, "--owner", "red")
    source = json.loads(NEW.read_text("utf-8"))
    assert (definition["owner"], definition["channels"]) == ("red", {"telegram": {}})
    assert definition["model"] == {"provider": "lab", "name": "lab-one", "temperature": 0.2}
    assert character == {
        **{key: value for key, value in source.items() if key != "plugins"},
        "bio": ["Talks to tomatoes."],
        "settings": {"avatar": source["settings"]["avatar"]},
        "style": {"all": ["kind"]},
    }


def test_more_tokens_than_the_model_gives_become_what_it_gives(top: Path) -> None:
    settings = {"maxTokens": 1_000_000, "model": "lab-two"}
    definition, _, said = imported(top, given(top, {**SMALL, "settings": settings}))
    assert definition["model"] == {"provider": "lab", "name": "lab-two", "max_tokens": 64_000}
    assert "1000000 tokens are more than the model gives; 64000 were put instead" in said


def test_a_temperature_is_left_out_for_a_model_that_takes_none(top: Path) -> None:
    providers = top / "agents/catalog/providers.yaml"
    text = providers.read_text("utf-8")
    changed = re.sub(r"(lab-two: \{[^}]*)\}", r"\1, temperature: false}", text)
    assert changed != text
    providers.write_text(changed, "utf-8")
    settings = {"temperature": 0.7, "model": "lab-two"}
    definition, _, said = imported(top, given(top, {**SMALL, "settings": settings}))
    assert definition["model"] == {"provider": "lab", "name": "lab-two"}
    assert "the temperature 0.7 was left out: lab-two takes none" in said


def test_variables_of_the_process_and_of_the_catalog_do_not_come_along(top: Path) -> None:
    settings = {"NODE_OPTIONS": "--inspect", "LD_PRELOAD": "x.so", "LAB_MODEL": "lab-nine", "GREETING": "hello"}
    definition, _, said = imported(top, given(top, {**SMALL, "settings": settings}))
    assert definition["env"] == {"GREETING": "hello"}
    assert all(f"settings.{name}" in said for name in ("NODE_OPTIONS", "LD_PRELOAD", "LAB_MODEL"))


def test_of_two_providers_one_is_the_models_and_one_makes_embeddings(top: Path) -> None:
    for kind, more in (
        ("providers", MORE_PROVIDERS),
        ("plugins", "embeddings: {description: Embeds., package: '@elizaos/plugin-openai', runtimes: [character]}\n"),
    ):
        file = top / f"agents/catalog/{kind}.yaml"
        file.write_text(file.read_text() + more)
    plugins = ["@elizaos/plugin-openai", "@example/plugin-lab", "@example/plugin-mill"]
    definition, _, said = imported(top, given(top, {**SMALL, "plugins": plugins}))
    assert definition["model"]["provider"] == "lab"
    assert definition["plugins"] == ["embeddings"]
    assert "@example/plugin-mill: left out, the model is lab's; an agent has one" in said


MORE_PROVIDERS = """\
openai:
  description: Has embeddings, too.
  hosts: [api.openai.example.com]
  secrets: {OPENAI_API_KEY: shared/openai#key}
  plugin: "@elizaos/plugin-openai"
  plugin_version: 1.6.0
  models: {gpt: {input_per_million: 1.0, output_per_million: 5.0, max_output_tokens: 64000}}
mill:
  description: A mill.
  hosts: [api.mill.example.com]
  secrets: {MILL_API_KEY: shared/mill#key}
  plugin: "@example/plugin-mill"
  models: {mill-one: {input_per_million: 1.0, output_per_million: 5.0, max_output_tokens: 64000}}
"""


def test_the_name_is_made_of_the_characters_or_of_the_files(top: Path) -> None:
    imported(top, NEW)
    assert (top / "agents/chat/gartnerin-ilse.yaml").is_file()
    imported(top, given(top, {**SMALL, "name": "灯台"}, "light house.json"))
    assert (top / "agents/chat/light-house.yaml").is_file()
    imported(top, given(top, SMALL), "--name", "guide")
    assert (top / "agents/chat/guide.character.json").is_file()
    assert "say one with --name" in refused(top, given(top, {**SMALL, "name": "灯台"}, "灯台.json"))


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"settings": {"secrets": {"LAB_API_KEY": "s3same-0pen"}}}, "settings.secrets.LAB_API_KEY"),
        ({"settings": {"DISCORD_API_TOKEN": "s3same-0pen"}}, "settings.DISCORD_API_TOKEN"),
        ({"secrets": {"ANYTHING": "s3same-0pen"}}, "secrets.ANYTHING"),
        ({"settings": {"twitter": {"password": "s3same-0pen"}}}, "settings.twitter.password"),
        ({"bio": ["My key is " + KEY]}, "bio.0"),
        ({"messageExamples": [[{"user": "a", "content": {"text": KEY}}]]}, "messageExamples.0.0.content.text"),
        ({"unknown": {"deep": [KEY]}}, "unknown.deep.0"),
    ],
)
def test_a_secret_is_refused_by_its_place_and_never_repeated(top: Path, change: dict[str, Any], place: str) -> None:
    said = refused(top, given(top, {**SMALL, **change}))
    assert f"{place}: " in said
    assert "nothing was written" in said
    assert "s3same" not in said
    assert KEY not in said


def test_a_refused_secret_is_told_where_it_belongs(top: Path) -> None:
    values = {"TELEGRAM_BOT_TOKEN": "s3same", "LAB_API_KEY": "s3same", "TIDES_KEY": "s3same"}
    said = refused(top, given(top, {**SMALL, "settings": {"secrets": values}}))
    assert "the channel telegram takes it from chat/ada/telegram#bot-token" in said
    assert "the provider lab takes it from shared/lab#key" in said
    assert "`secrets: {TIDES_KEY: chat/ada#tides-key}`" in said


def test_what_stands_for_a_secret_is_none(top: Path) -> None:
    empty = {"A_KEY": "", "B_KEY": "<your key>", "C_KEY": "your-key-here", "D_KEY": None, "E_KEY": "${E_KEY}"}
    definition, character, said = imported(top, given(top, {**SMALL, "settings": {"secrets": empty}}))
    assert "env" not in definition
    assert "settings" not in character
    assert all(f"note: settings.secrets.{key}: had no value" in said for key in empty)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "the file is empty"),
        (b'{"name": "Ada", // hello\n "bio": []}', "1:17: error: not valid JSON: JSON has no comments"),
        (b'{"name": "Ada", "bio": ["x",]}', "nothing follows this comma; remove it"),
        (b'{"name": "Ada", "bio": ', "not valid JSON"),
        ('{"name": "Ada"}'.encode("utf-16"), "UTF-16; save it as UTF-8"),
        (b'{"name": "Ad\xff", "bio": []}', "not UTF-8, at byte 12"),
        (b"[1, 2]", "a list of 2; import one character a file"),
        (b'"Ada"', "a character is a JSON object"),
        (b'{"name": "left-pad", "version": "1.0.0"}', "no elizaOS character"),
        (b'{"bio": ["Nobody."]}', "a character needs a name"),
        (b'{"name": 7, "bio": ["Seven."]}', "a character needs a name"),
        (b'{"name": "Ada", "bio": [NaN]}', "NaN is no number of JSON"),
        (b'{"name": "Ada", "bio": "\\ud800"}', "half of a surrogate pair"),
        (b'{"bio": ' + b"[" * 90 + b"]" * 90 + b"}", "nested deeper"),
        (b'{"bio": ' + b"[" * 90_000, "nested deeper"),
        (b'{"bio": "' + b"x" * (5 << 20) + b'"}', "a character has at most"),
    ],
)
def test_what_is_no_character_is_refused_with_the_reason(top: Path, text: bytes, message: str) -> None:
    assert message in refused(top, given(top, text))


def test_small_flaws_of_a_file_are_mended_and_said(top: Path) -> None:
    text = b'\xef\xbb\xbf[{"name": "Ada", "bio": ["No."], "bio": ["Yes.", 7, {}, ""]}]'
    _, character, said = imported(top, given(top, text))
    assert character["bio"] == ["Yes.", "7"]
    for note in (
        "byte order mark",
        "the list of one character",
        "a second time",
        "bio.1: the number",
        "bio.2: a mapping",
    ):
        assert note in said


def test_what_is_there_already_is_left_alone(top: Path) -> None:
    said = refused(top, given(top, {**SMALL, "name": "Writer"}))
    assert "the name writer is taken by agents/sales/writer.yaml" in said
    assert "say another with --name" in said
    (top / "agents/chat/ada.character.json").write_text("mine")
    assert "agents/chat/ada.character.json is there already" in refused(top, given(top, SMALL))


def test_a_wrong_wish_is_told_the_right_one(top: Path) -> None:
    file = given(top, SMALL)
    assert "no pool 'chta'. Did you mean 'chat'?" in refused(top, file, pool="chta")
    assert "no team 'blu'. Did you mean 'blue'?" in refused(top, file, "--owner", "blu")
    assert "'Ada Two': a name is lower-case letters" in refused(top, file, "--name", "Ada Two")
    assert "No such file" in refused(top, top.parent / "nowhere.json")
    assert "Is a directory" in refused(top, top.parent)


def test_a_dry_run_says_all_and_writes_nothing(top: Path) -> None:
    before = snapshot(top)
    done = roster(top, "import", str(OLD), "--pool", "chat", "--dry-run")
    assert done.returncode == 0
    assert "note: lore: " in done.stdout
    assert "dry run: nothing was written" in done.stdout
    assert snapshot(top) == before


def test_a_catalog_without_elizaos_says_so(top: Path) -> None:
    runtimes = yaml.safe_load((top / "agents/catalog/runtimes.yaml").read_text())
    runtimes["character"]["eliza"] = False
    (top / "agents/catalog/runtimes.yaml").write_text(yaml.safe_dump(runtimes))
    assert "the catalog has no runtime for elizaOS" in refused(top, given(top, SMALL))
