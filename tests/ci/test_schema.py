"""The schemas: what an editor shows, and that what they accept is what the reader accepts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml
from command_fleet import ASKER, FILES, HERALD, WRITER, roster, write_fleet
from language_server import LanguageServer
from npm_package import missing

from ci.schema_files import schema_drift, write_schemas
from components.definition.agent import Definition
from components.definition.schema import schema_files
from components.definition.tree import WorkTree
from components.fleet import Fleet

MODELINE = "# yaml-language-server: $schema=../agent.schema.json\n"


@pytest.fixture(scope="module")
def top(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_fleet(tmp_path_factory.mktemp("fleet"))
    write_schemas(Fleet.open(WorkTree(folder)), folder)
    return folder


@pytest.fixture(scope="module")
def schemas(top: Path) -> dict[str, Any]:
    return {path.name.split(".")[0]: json.loads(path.read_text()) for path in top.rglob("*.schema.json")}


def validator(schemas: dict[str, Any], name: str) -> Any:
    return jsonschema_rs.Draft7Validator(schemas[name])


def test_every_file_of_agents_has_a_schema_and_fits_it(top: Path, schemas: dict[str, Any]) -> None:
    for text in (WRITER, ASKER, HERALD):
        assert validator(schemas, "agent").is_valid(yaml.safe_load(text)), text
    for path in FILES:
        if path.startswith("agents/catalog/"):
            name = path.split("/")[-1].removesuffix(".yaml")
            errors = [one.message for one in validator(schemas, name).iter_errors(yaml.safe_load(FILES[path]))]
            assert not errors, path


BROKEN = {
    "an unknown key": {"modle": {}},
    "a runtime that the catalog has not": {"runtime": "servise"},
    "an environment that the catalog has not": {"overrides": {"qa": {}}},
    "a channel that the catalog has not": {"channels": {"irc": {}}},
    "a model that the catalog has not": {"model": {"name": "lab-nine"}},
    "null": {"model": None},
    "null deep inside": {"scaling": {"min": None}},
    "a variable's name in small letters": {"env": {"tone": "kind"}},
    "a number where text belongs": {"env": {"TONE": 1}},
    "a pasted value where a reference belongs": {"secrets": {"KEY": "hunter2"}},
    "out of range": {"port": 80},
}


@pytest.mark.parametrize("change", BROKEN.values(), ids=BROKEN)
def test_the_schema_refuses(schemas: dict[str, Any], change: dict[str, Any]) -> None:
    assert not validator(schemas, "agent").is_valid({**yaml.safe_load(ASKER), **change})


@pytest.mark.parametrize("change", [{"channels": {"telegram": None}}, {"overrides": {"prod": None}}])
def test_the_schema_allows_a_channel_and_an_override_with_nothing_to_say(
    schemas: dict[str, Any], change: dict[str, Any]
) -> None:
    assert validator(schemas, "agent").is_valid({**yaml.safe_load(ASKER), **change})


def fields(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, of in {"": schema, **schema["definitions"]}.items():
        if of.get("additionalProperties") is False:
            yield from ((f"{name}.{field}", one) for field, one in of["properties"].items())


def test_every_field_is_described_and_has_an_example_that_the_schema_accepts(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        for field, of in fields(schema):
            assert of.get("description"), f"{name}: {field}"
            assert of.get("examples"), f"{name}: {field}"
            one = jsonschema_rs.Draft7Validator({**of, "definitions": schema["definitions"]})
            for example in of["examples"]:
                assert one.is_valid(example), f"{name}: {field}: {example}"


def test_every_mapping_of_the_model_is_closed(schemas: dict[str, Any]) -> None:
    for name, schema in schemas.items():
        for title, of in schema["definitions"].items():
            assert of["additionalProperties"] is False, f"{name}: {title}"
    assert set(Definition.model_fields) == set(schemas["agent"]["properties"])


def test_defaults_are_those_that_resolution_begins_with(schemas: dict[str, Any]) -> None:
    inside = schemas["agent"]["definitions"]
    assert schemas["agent"]["properties"]["tier"]["default"] == "small"
    assert inside["Model"]["properties"]["max_tokens"]["default"] == 4096
    assert inside["Exposure"]["properties"]["callers"]["default"] == ["gateway"]


def test_the_same_catalog_gives_the_same_bytes_and_writing_twice_writes_nothing(top: Path) -> None:
    fleet = Fleet.open(WorkTree(top))
    assert schema_files(fleet.catalog) == schema_files(Fleet.open(WorkTree(top)).catalog)
    assert write_schemas(fleet, top) == []
    assert all(text.endswith("}\n") for text in schema_files(fleet.catalog).values())


def test_check_fails_when_a_schema_is_missing_or_differs_and_roster_schema_mends_it(tmp_path: Path) -> None:
    write_fleet(tmp_path)
    assert roster(tmp_path, "schema").returncode == 0
    assert roster(tmp_path, "check").returncode == 0
    (tmp_path / "agents/agent.schema.json").unlink()
    teams = tmp_path / "agents/catalog/teams.yaml"
    teams.write_text(
        teams.read_text() + FILES["agents/catalog/teams.yaml"].replace("red", "green").replace("blue", "grey")
    )
    done = roster(tmp_path, "check")
    assert done.returncode == 1
    assert (
        "agents/agent.schema.json:1:1: error: there is no schema file; run `roster schema` [schema-drift]"
        in done.stdout
    )
    assert "agents/catalog/pools.schema.json:1:1: error" in done.stdout
    assert roster(tmp_path, "schema", "--check").returncode == 1
    assert roster(tmp_path, "schema").returncode == 0
    assert roster(tmp_path, "schema", "--check").returncode == 0
    assert '"grey"' in (tmp_path / "agents/agent.schema.json").read_text()


def test_a_fleet_without_any_schema_is_warned_once_and_passes(tmp_path: Path) -> None:
    write_fleet(tmp_path)
    done = roster(tmp_path, "check")
    assert done.returncode == 0
    assert done.stdout.count("[schema-drift]") == 1
    assert "warning: there are no schema files" in done.stdout


def test_an_unreadable_schema_file_is_drift_too(tmp_path: Path) -> None:
    write_fleet(tmp_path)
    fleet = Fleet.open(WorkTree(tmp_path))
    write_schemas(fleet, tmp_path)
    (tmp_path / "agents/agent.schema.json").write_bytes(b"\xff")
    assert [one.file for one in schema_drift(fleet)] == ["agents/agent.schema.json"]


@pytest.fixture(scope="module")
def server(top: Path) -> Iterator[LanguageServer]:
    if missing():
        pytest.skip(f"the YAML language server needs {missing()}")
    server = LanguageServer(top / "agents/sales/new.yaml")
    yield server
    server.close()


def test_an_editor_completes_names_of_the_catalog(server: LanguageServer) -> None:
    assert server.completions(f"{MODELINE}version: 1\nruntime: |\n") == ["service", "character", "ready"]
    assert server.completions(f"{MODELINE}version: 1\nchannels:\n  |\n") == ["telegram"]
    assert "lab-two" in server.completions(f"{MODELINE}overrides:\n  prod:\n    model:\n      name: |\n")


def test_an_editor_explains_a_field_and_shows_an_example(server: LanguageServer) -> None:
    text = server.hover(f"{MODELINE}version: 1\nscaling: {{m|in: 1}}\n")
    assert "Pods at the least. 0 needs a queue or a schedule." in text
    assert "Example" in text
    assert "How it runs: a runtime of the catalog." in server.hover(f"{MODELINE}run|time: service\n")


def test_an_editor_underlines_what_check_would_refuse(server: LanguageServer) -> None:
    assert server.problems(MODELINE + WRITER) == []
    problems = server.problems(f"{MODELINE}{WRITER}replcas: 3\ntier:\nresources: {{limits: {{cpu: 3 cores}}}}\n")
    assert "Property replcas is not allowed." in problems
    assert "Expected CPU as cores or thousandths, such as 250m or 1.5." in problems
    assert any('"small", "big"' in problem for problem in problems)
