"""Every rule by the examples in its own file, and waivers: for whom, for what, until when."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType

import pytest
from small_fleet import CONTEXTS, MINIMAL, TODAY, catalog_files, findings, fleet, inspect

import policies.rules
from components.definition.tree import MemoryTree
from components.definition.waiver import Waiver
from components.fleet import Fleet
from components.specs import agent_manifests
from policies.judge import Policies
from policies.rule import Manifest, Subject
from policies.rules import RULES

MODULES = [
    importlib.import_module(f"policies.rules.{module.name}") for module in pkgutil.iter_modules(policies.rules.__path__)
]
READY = "version: 1\ndescription: Runs workflows.\nowner: support\nruntime: agent-platform\n"


def _examples(kind: str) -> list[object]:
    return [
        pytest.param(module, example, id=f"{module.RULE.id} {number}")
        for module in MODULES
        for number, example in enumerate(getattr(module, kind))
    ]


def test_every_file_of_rules_is_in_force_once() -> None:
    assert [rule.id for rule in RULES] == list(dict.fromkeys(rule.id for rule in RULES))
    assert {rule.id for rule in RULES} == {module.RULE.id for module in MODULES}
    for module in MODULES:
        assert module.RULE.id == module.__name__.rsplit(".", 1)[1].replace("_", "-")
        assert module.PASSING
        assert module.FAILING
        assert module.RULE.why.endswith(".")
        assert module.RULE.fix.endswith(".")


@pytest.mark.parametrize(("module", "example"), _examples("PASSING"))
def test_a_passing_example_is_accepted(module: ModuleType, example: Manifest) -> None:
    assert list(module.RULE.judge(example, Subject())) == []


@pytest.mark.parametrize(("module", "example"), _examples("FAILING"))
def test_a_failing_example_is_refused(module: ModuleType, example: Manifest) -> None:
    assert example["kind"] in module.RULE.kinds
    violations = Policies({}, TODAY, [module.RULE]).judge([example], Subject())
    assert violations
    assert all(violation.rule is module.RULE and violation.problem for violation in violations)


def waiver(scope: str, rule: str = "image-pinned", expires: str = "2027-01-31") -> str:
    return f'rule: {rule}\nscope: ["{scope}"]\nreason: Asked for, and tracked.\nowner: security\nexpires: "{expires}"\n'


@pytest.mark.parametrize("scope", ["support/flow", "support/*", "runtime:agent-platform"])
def test_a_waiver_holds_for_an_agent_a_pool_or_a_runtime(scope: str) -> None:
    assert findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver(scope)}) == []


@pytest.mark.parametrize("scope", ["support/other", "business/*", "business/flow", "runtime:fastapi", "*", "flow"])
def test_a_waiver_for_others_does_not_hold(scope: str) -> None:
    found = findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver(scope)})
    assert "image-pinned" in [one.rule for one in found]


def test_a_waiver_holds_until_the_day_before_it_expires() -> None:
    files, overlay = {"support/flow.yaml": READY}, {"waivers/w.yaml": waiver("support/flow")}
    assert inspect(files, overlay, "2027-01-30").findings == []
    ended = inspect(files, overlay, "2027-01-31")
    assert [(one.rule, one.severity) for one in ended.findings] == [
        ("waiver-expired", "warning"),
        ("image-pinned", "error"),
    ] or {one.rule for one in ended.findings} == {"waiver-expired", "image-pinned"}
    assert not ended.sound


def test_a_waiver_of_another_rule_does_not_hold_and_an_unknown_one_is_refused() -> None:
    found = findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver("support/flow", "pod-restricted")})
    assert [one.rule for one in found] == ["image-pinned"]
    found = findings({"business/a.yaml": MINIMAL}, {"waivers/w.yaml": waiver("support/flow", "image-pined")})
    assert [(one.rule, one.line) for one in found] == [("unknown-rule", 1)]
    assert "'image-pinned'" in found[0].message


def test_a_waived_violation_is_kept_and_says_by_which_file() -> None:
    examined = fleet({"support/flow.yaml": READY}).examine("agents/support/flow.yaml")
    agent = examined.resolved["prod"]
    given = Waiver.model_validate(
        {
            "rule": "image-pinned",
            "scope": ["support/*"],
            "reason": "x" * 10,
            "owner": "security",
            "expires": "2027-01-01",
        }
    )
    violations = Policies({"agents/catalog/waivers/w.yaml": given}, TODAY).judge(
        agent_manifests(agent), Subject.of(agent)
    )
    assert [(one.rule.id, one.waived) for one in violations] == [("image-pinned", "agents/catalog/waivers/w.yaml")]


def test_what_kubernetes_would_refuse_is_a_finding() -> None:
    """The last net: a fault of Roster or of the catalog that no rule knows of. Here: a database's label."""
    files = {f"agents/{name}": text.encode() for name, text in catalog_files().items()}
    assert Fleet.open(MemoryTree({**CONTEXTS, **files}))
    from ci.schema_check import schema_findings

    objects = agent_manifests(fleet({"business/a.yaml": MINIMAL}).examine("agents/business/a.yaml").resolved["prod"])
    assert schema_findings("a.yaml", "business/a", objects) == []
    objects[0]["metadata"]["name"] = "Not A Name"
    objects[1]["data"] = ["not", "a", "mapping"]
    found = schema_findings("a.yaml", "business/a", objects)
    assert {one.rule for one in found} == {"schema"}
    assert "ServiceAccount Not A Name: metadata.name" in "\n".join(one.message for one in found)
    assert len(found) >= 2
