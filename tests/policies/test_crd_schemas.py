"""Our closed schemas of custom kinds allow nothing that the real CRDs refuse (their CEL rules are not run here)."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import Draft202012Validator
from real_crds import SOURCES, differences, download, real_schema, strict

from policies.schemas import CRD_SCHEMAS, SchemaChecker

KINDS = [path.stem.split("_") for path in sorted(CRD_SCHEMAS.glob("*.json"))]
needs_go = pytest.mark.skipif(shutil.which("go") is None, reason="`go` is not on PATH: the real CRDs cannot be fetched")
each_kind = pytest.mark.parametrize(("group", "version", "kind"), KINDS, ids=[kind for _, _, kind in KINDS])


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return download(tmp_path_factory.mktemp("outside-any-module"))


@pytest.fixture(scope="module")
def checker() -> SchemaChecker:
    return SchemaChecker()


@pytest.fixture
def real(modules: dict[str, Path], kind: str, version: str) -> dict[str, Any]:
    module, file = SOURCES[kind]
    return real_schema(modules[module] / file, kind, version)


@pytest.fixture
def examples(custom_manifests: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [manifest for manifest in custom_manifests if manifest["kind"] == kind]


@needs_go
@each_kind
def test_everything_that_ours_allows_the_real_one_allows(
    checker: SchemaChecker, real: dict[str, Any], group: str, version: str, kind: str
) -> None:
    document = checker.document(f"{group}/{version}", kind)
    assert list(differences(document, real, document)) == []


@needs_go
@each_kind
def test_full_examples_pass_ours_and_the_real_one(
    checker: SchemaChecker, real: dict[str, Any], examples: list[dict[str, Any]], group: str, version: str, kind: str
) -> None:
    theirs = Draft202012Validator(strict(real))
    for example in examples:
        assert checker.check(example) == []
        assert [(error.instance_path, error.message) for error in theirs.iter_errors(example)] == []


@needs_go
@each_kind
def test_an_unknown_field_anywhere_is_refused_by_ours_where_the_real_one_refuses_it(
    checker: SchemaChecker, real: dict[str, Any], examples: list[dict[str, Any]], group: str, version: str, kind: str
) -> None:
    theirs = Draft202012Validator(strict(real))
    tried = 0
    for example in examples:
        for path in _mappings(example):
            broken = deepcopy(example)
            target = broken
            for part in path:
                target = target[part]
            target["surprise"] = {}
            tried += 1
            if not theirs.is_valid(broken):
                assert checker.check(broken), f"an unknown field at {path} passes"
    assert tried > 3


@each_kind
def test_the_examples_use_every_field_that_ours_allows(
    checker: SchemaChecker, examples: list[dict[str, Any]], group: str, version: str, kind: str
) -> None:
    document = checker.document(f"{group}/{version}", kind)
    unused = {id(schema): at for at, schema in _fields(document, document, "") if not at.startswith(".metadata.")}
    for example in examples:
        for schema in _used(document, document, example):
            unused.pop(id(schema), None)
    assert sorted(unused.values()) == []


@each_kind
def test_metadata_of_a_custom_kind_is_checked_like_any_other(
    checker: SchemaChecker, examples: list[dict[str, Any]], group: str, version: str, kind: str
) -> None:
    examples[0]["metadata"]["label"] = {"role": "agent"}
    (error,) = checker.check(examples[0])
    assert error.path == ("metadata", "label")
    assert "did you mean 'labels'?" in error.message


def _mappings(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all mappings but those in metadata, which a CRD leaves open."""
    if isinstance(value, dict):
        yield path
        for key, item in value.items():
            if (*path, key) != ("metadata",):
                yield from _mappings(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _mappings(item, (*path, index))


def _target(schema: dict[str, Any], document: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return schema


def _fields(schema: dict[str, Any], document: dict[str, Any], at: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property that our schema has, with its path; a `$ref` property counts once where it is written."""
    schema = _target(schema, document)
    if at == ".metadata":
        return
    for name, value in schema.get("properties", {}).items():
        yield f"{at}.{name}", value
        yield from _fields(value, document, f"{at}.{name}")
    if isinstance(schema.get("items"), dict):
        yield from _fields(schema["items"], document, f"{at}[]")


def _used(schema: dict[str, Any], document: dict[str, Any], value: Any) -> Iterator[dict[str, Any]]:
    schema = _target(schema, document)
    if isinstance(value, dict):
        for name, item in value.items():
            if name in schema.get("properties", {}):
                yield schema["properties"][name]
                yield from _used(schema["properties"][name], document, item)
    elif isinstance(value, list):
        for item in value:
            yield from _used(schema["items"], document, item)
