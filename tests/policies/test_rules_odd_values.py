"""No manifest makes a rule fail, whatever stands where: a rule that raises has judged nothing."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Iterator
from copy import deepcopy
from types import ModuleType
from typing import Any

import pytest
from small_fleet import MINIMAL, TODAY, fleet

import policies.rules
from components.specs import agent_manifests, platform_manifests, pool_manifests
from policies.example import Example
from policies.judge import Policies
from policies.rule import Manifest, Subject

MODULES = [
    importlib.import_module(f"policies.rules.{module.name}") for module in pkgutil.iter_modules(policies.rules.__path__)
]
ODD: tuple[Any, ...] = (None, True, 0, -1, 1.5, "", "x", "*", "::/0", "10.0.0.0/8", [], {}, [None], ["x"], [[]], [{}])
ODD += ({"x": None}, {"": ""}, [{"name": None}], {"matchLabels": None}, {1: 2}, ("x",))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    for key, one in inner:
        yield from _paths(one, (*path, key))


def _with(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    changed = deepcopy(value)
    at = changed
    for part in path[:-1]:
        at = at[part]
    at[path[-1]] = odd
    return changed


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_a_rule_takes_any_value_anywhere_in_its_examples(module: ModuleType) -> None:
    judge = Policies({}, TODAY, [module.RULE]).judge
    for example in (*module.PASSING, *module.FAILING):
        subject = example.subject()
        for index, manifest in enumerate(example.manifests):
            for path in _paths(manifest):
                for value in (None, *random.Random(f"{module.RULE.id} {path}").sample(ODD, 3)):  # noqa: S311
                    _judged(judge, example, subject, index, _with(manifest, path, value))


def _judged(judge: Any, example: Example, subject: Subject, index: int, changed: Manifest) -> None:
    manifests = [*example.manifests[:index], changed, *example.manifests[index + 1 :]]
    try:
        for one in judge(manifests, subject):
            assert one.message
    except Exception as error:
        raise AssertionError(changed) from error


def test_all_rules_take_any_value_anywhere_in_what_is_rendered() -> None:
    opened = fleet({"business/a.yaml": MINIMAL + "exposure: {callers: [gateway]}\n"})
    catalog = opened.catalog
    agent = opened.examine("agents/business/a.yaml").resolved["prod"]
    judge = Policies({}, TODAY).judge
    subjects = (
        (agent_manifests(agent), Subject.of(agent, catalog)),
        (pool_manifests("business", "prod", catalog), Subject("prod", "business", None, catalog)),
        (platform_manifests("prod", catalog)[:8], Subject("prod", "", None, catalog)),
    )
    tried = 0
    for manifests, subject in subjects:
        rng = random.Random(subject.pool)  # noqa: S311
        for index, manifest in enumerate(manifests):
            for path in rng.sample(list(_paths(manifest)), min(60, len(list(_paths(manifest))))):
                changed = [*manifests[:index], _with(manifest, path, rng.choice(ODD)), *manifests[index + 1 :]]
                tried += 1
                try:
                    judge(changed, subject)
                except Exception as error:
                    raise AssertionError((path, changed[index])) from error
    assert tried > 500
