"""Reading definitions: places, words and patterns that people are shown."""

from __future__ import annotations

import typing
from collections.abc import Iterator

import pytest
from annotated_types import Len
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from components.definition import catalog
from components.definition.agent import Definition
from components.definition.fields import MEANINGS
from components.definition.findings import Finding
from components.definition.pasted_secrets import looks_secret, without_secrets
from components.definition.platform_settings import PlatformSettings
from components.definition.yaml_reader import read_yaml

TEXT = b"""\
first:
  list:
    - one
    - {two: [3, 4]}
  "quoted key": |
    text
second: {third: x}
"""


@pytest.mark.parametrize(
    ("path", "value", "key"),
    [
        ((), (1, 1), (1, 1)),
        (("first", "list"), (3, 5), (2, 3)),
        (("first", "list", 0), (3, 7), (3, 7)),
        (("first", "list", 1, "two", 1), (4, 17), (4, 17)),
        (("first", "quoted key"), (5, 17), (5, 3)),
        (("second", "third"), (7, 17), (7, 10)),
        (("second", "absent"), (7, 9), (7, 9)),
        (("absent",), (1, 1), (1, 1)),
    ],
)
def test_each_value_has_its_place(path: tuple[str | int, ...], value: tuple[int, int], key: tuple[int, int]) -> None:
    document = read_yaml(TEXT, "x.yaml")
    assert document.findings == []
    assert document.place(path) == value
    assert document.place(path, key=True) == key


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("False", False),
        ("null", None),
        ("7", 7),
        ("-3", -3),
        ("0.70", 0.7),
        ("1.2.3", "1.2.3"),
        ("a: b".replace(": ", ":"), "a:b"),
        ("'no'", "no"),
        ('"012"', "012"),
        ("version-1", "version-1"),
        ("250m", "250m"),
    ],
)
def test_what_all_parsers_read_alike_is_read(written: str, value: object) -> None:
    document = read_yaml(f"a: {written}\n".encode(), "x.yaml")
    assert document.findings == []
    assert document.value == {"a": value}
    assert type(document.value["a"]) is type(value)


DIFFERENT = ["no", "Yes", "on", "y", "012", "0o7", "0x1f", "1_000", "12:30", "1e3"]
DIFFERENT += [".5", "5.", ".inf", "2026-11-21", "="]


@pytest.mark.parametrize("written", DIFFERENT)
def test_what_parsers_read_differently_is_refused_with_advice(written: str) -> None:
    (found,) = read_yaml(f"a: {written}\n".encode(), "x.yaml").findings
    assert (found.rule, found.line, found.column) == ("ambiguous-value", 1, 4)
    assert f'"{written}"' in found.message


def _patterns(model: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    if model in seen:
        return
    seen.add(model)
    for name, field in model.model_fields.items():
        yield from ((f"{model.__name__}.{name}", pattern) for pattern in _of(field.metadata))
        yield from _in_annotation(f"{model.__name__}.{name}", field.annotation, seen)


def _of(metadata: typing.Iterable[object]) -> Iterator[str]:
    for one in metadata:
        if isinstance(one, FieldInfo):
            yield from _of(one.metadata)
        elif not isinstance(one, Len) and getattr(one, "pattern", None):
            yield str(one.pattern)  # type: ignore[attr-defined]


def _in_annotation(where: str, annotation: typing.Any, seen: set[type[BaseModel]]) -> Iterator[tuple[str, str]]:
    if isinstance(annotation, type) and not typing.get_args(annotation) and issubclass(annotation, BaseModel):
        yield from _patterns(annotation, seen)
    yield from ((where, pattern) for pattern in _of(getattr(annotation, "__metadata__", ())))
    for argument in typing.get_args(annotation):
        yield from _in_annotation(where, argument, seen)


def test_nobody_has_to_read_a_regular_expression() -> None:
    """Every pattern that a definition is held against has a meaning in words."""
    seen: set[type[BaseModel]] = set()
    tops = (Definition, PlatformSettings, *catalog.MAPPINGS.values(), *catalog.FOLDERS.values())
    found = [pair for model in tops for pair in _patterns(model, seen)]
    assert len(found) > 50, "the walk finds patterns"
    assert sorted({f"{where}: {pattern}" for where, pattern in found if pattern not in MEANINGS}) == []


def test_a_finding_never_repeats_a_credential_whoever_wrote_its_message() -> None:
    token = "ghp_" + "a1B2" * 9
    finding = Finding("x.yaml", 1, 1, "unknown-tier", f"no tier '{token}'; there is small")
    assert token not in str(finding)
    assert str(finding).endswith("no tier '…'; there is small [unknown-tier]")
    assert looks_secret(token)
    assert without_secrets("nothing to hide") == "nothing to hide"
