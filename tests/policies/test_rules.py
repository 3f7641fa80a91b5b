"""Every rule by the examples in its own file, and by what no manifest may do to it."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import ModuleType

import pytest
from small_fleet import MINIMAL, TODAY, fleet

import policies.rules
from components.specs import agent_manifests
from policies.example import Example
from policies.judge import Policies
from policies.pods import WORKLOADS
from policies.rule import Subject
from policies.rules import RULES

MODULES = [
    importlib.import_module(f"policies.rules.{module.name}") for module in pkgutil.iter_modules(policies.rules.__path__)
]


def _examples(kind: str) -> list[object]:
    return [
        pytest.param(module, example, id=f"{module.RULE.id} {number}")
        for module in MODULES
        for number, example in enumerate(getattr(module, kind))
    ]


def _problems(module: ModuleType, example: Example) -> list[str]:
    violations = Policies({}, TODAY, [module.RULE]).judge(example.manifests, example.subject())
    assert all(one.rule is module.RULE for one in violations)
    return [one.problem for one in violations]


def test_every_file_of_rules_is_in_force_once() -> None:
    assert [rule.id for rule in RULES] == sorted({rule.id for rule in RULES})
    assert {rule.id for rule in RULES} == {module.RULE.id for module in MODULES}


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_a_rule_says_what_it_is(module: ModuleType) -> None:
    rule = module.RULE
    assert rule.id == module.__name__.rsplit(".", 1)[1].replace("_", "-")
    for sentence in (rule.why, rule.fix):
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert re.match(
        r"Roster$|NSA/CISA 2022, |CIS Kubernetes 1\.9 5\.|Pod Security Standards, |Kubernetes, ", rule.source
    )
    assert (rule.judge is None) != (rule.together is None), "one way to judge"
    assert bool(rule.kinds) == (rule.judge is not None), "who judges one object says which kinds"
    assert module.PASSING
    assert module.FAILING


@pytest.mark.parametrize(("module", "example"), _examples("PASSING"))
def test_a_passing_example_is_accepted(module: ModuleType, example: Example) -> None:
    assert _problems(module, example) == []


@pytest.mark.parametrize(("module", "example"), _examples("FAILING"))
def test_a_failing_example_is_refused(module: ModuleType, example: Example) -> None:
    problems = _problems(module, example)
    assert problems
    assert all(problem and not problem.endswith(".") for problem in problems)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.RULE.id)
def test_a_rule_looks_at_each_kind_that_it_is_registered_for(module: ModuleType) -> None:
    """A kind that no example has may be one that the rule never sees."""
    shown = {one.get("kind") for example in (*module.PASSING, *module.FAILING) for one in example.manifests}
    assert shown & module.RULE.kinds or module.RULE.together
    if not module.RULE.kinds >= WORKLOADS:
        alike = {"ClusterSecretStore", "CiliumClusterwideNetworkPolicy", "ClusterRole", "ClusterRoleBinding"}
        assert module.RULE.kinds - alike <= shown


def test_the_minimal_agent_keeps_every_rule() -> None:
    opened = fleet({"business/a.yaml": MINIMAL})
    for agent in opened.examine("agents/business/a.yaml").resolved.values():
        violations = Policies({}, TODAY).judge(agent_manifests(agent), Subject.of(agent, opened.catalog))
        assert [one.message for one in violations] == []


def test_what_kubernetes_would_refuse_is_a_finding() -> None:
    """The last net: a fault of Roster or of the catalog that no rule knows of. Here: a database's label."""
    from ci.schema_check import schema_findings

    objects = agent_manifests(fleet({"business/a.yaml": MINIMAL}).examine("agents/business/a.yaml").resolved["prod"])
    assert schema_findings("a.yaml", "business/a", objects) == []
    objects[0]["metadata"]["name"] = "Not A Name"
    objects[1]["data"] = ["not", "a", "mapping"]
    found = schema_findings("a.yaml", "business/a", objects)
    assert {one.rule for one in found} == {"schema"}
    assert "ServiceAccount Not A Name: metadata.name" in "\n".join(one.message for one in found)
    assert len(found) >= 2
