"""Whom a waiver of a rule covers: agents, pools with their own objects, runtimes, images, the platform."""

from __future__ import annotations

import pytest
from small_fleet import TODAY, findings, fleet, inspect

from components.definition.waiver import Waiver
from components.specs import Manifest, agent_manifests, pool_manifests
from policies.example import manifest
from policies.judge import Policies
from policies.rule import Rule, Subject
from policies.rules import RULES

READY = "version: 1\ndescription: Runs workflows.\nowner: support\nruntime: agent-platform\n"
IMAGE = "docker.io/intelgraph/agent-platform:1.0.0"
FILE = "agents/catalog/waivers/w.yaml"


def waiver(scope: str, rule: str = "image-pinned", expires: str = "2027-01-31") -> str:
    return f'rule: {rule}\nscope: ["{scope}"]\nreason: Asked for, and tracked.\nowner: security\nexpires: "{expires}"\n'


def given(scope: str, rule: str) -> dict[str, Waiver]:
    fields = {"rule": rule, "scope": [scope], "reason": "x" * 10, "owner": "security", "expires": "2027-01-01"}
    return {FILE: Waiver.model_validate(fields)}


@pytest.mark.parametrize("scope", ["support/flow", "support/*", "runtime:agent-platform", f"image:{IMAGE}"])
def test_a_waiver_holds_for_an_agent_a_pool_a_runtime_or_an_image(scope: str) -> None:
    assert findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver(scope)}) == []


@pytest.mark.parametrize(
    "scope", ["support/other", "business/*", "business/flow", "runtime:fastapi", "image:docker.io/other:1", "platform"]
)
def test_a_waiver_for_others_does_not_hold(scope: str) -> None:
    found = findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver(scope)})
    assert "image-pinned" in [one.rule for one in found]


def test_a_waiver_of_another_rule_does_not_hold() -> None:
    found = findings({"support/flow.yaml": READY}, {"waivers/w.yaml": waiver("support/flow", "image-known")})
    assert "image-pinned" in [one.rule for one in found]


def test_a_waived_violation_is_kept_and_says_by_which_file() -> None:
    opened = fleet({"support/flow.yaml": READY})
    agent = opened.examine("agents/support/flow.yaml").resolved["prod"]
    violations = Policies(given("support/*", "image-pinned"), TODAY).judge(
        agent_manifests(agent), Subject.of(agent, opened.catalog)
    )
    assert [(one.rule.id, one.waived) for one in violations] == [("image-pinned", FILE)]


@pytest.mark.parametrize(
    ("scope", "pool", "covered"),
    [
        ("business/*", "business", True),
        ("support/*", "business", False),
        ("business/flow", "business", False),
        ("platform", "business", False),
        ("platform", "", True),
        ("business/*", "", False),
    ],
)
def test_pools_are_covered_by_their_own_scope_and_the_platform_by_its_own_alone(
    scope: str, pool: str, covered: bool
) -> None:
    catalog = fleet({}).catalog
    secret = [manifest("v1", "Secret")]
    (found,) = Policies(given(scope, "secret-not-rendered"), TODAY, _only("secret-not-rendered")).judge(
        secret, Subject("prod", pool, None, catalog)
    )
    assert found.waived == (FILE if covered else "")


@pytest.mark.parametrize("pool", ["support", ""])
def test_what_a_pool_or_the_platform_has_of_its_own_is_checked_and_placed(
    pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a change of components/specs would: one object more, which no rule lets pass."""
    import ci.inspection as inspection

    secret = manifest("v1", "Secret", namespace="support" if pool else "monitoring")
    name = "pool_manifests" if pool else "platform_manifests"
    real = getattr(inspection, name)

    def with_secret(*given: object) -> list[Manifest]:
        return [*real(*given), *([secret] if given[0] in ("support", "prod") else [])]

    monkeypatch.setattr(inspection, name, with_secret)
    found = {one.rule: one for one in inspect({}).findings}
    assert {"secret-not-rendered", "kind-known"} <= found.keys()
    place = found["secret-not-rendered"]
    catalog = fleet({}).catalog
    document = catalog.documents["pools" if pool else "settings"]
    assert (place.file, place.line) == (document.file, document.place((pool,), key=True)[0] if pool else 1)
    scope = "support/*" if pool else "platform"
    left = inspect({}, {"waivers/w.yaml": waiver(scope, "secret-not-rendered")}).findings
    assert {one.rule for one in left} == found.keys() - {"secret-not-rendered"}


def test_the_sample_pools_keep_every_rule() -> None:
    catalog = fleet({}).catalog
    for environment in catalog.environments:
        for pool in catalog.pools:
            objects = pool_manifests(pool, environment, catalog)
            assert Policies({}, TODAY).judge(objects, Subject(environment, pool, None, catalog)) == []


def test_a_rule_that_is_not_given_is_not_judged() -> None:
    assert Policies({}, TODAY, []).judge([manifest("v1", "Secret")], Subject()) == []


def _only(rule: str) -> list[Rule]:
    return [one for one in RULES if one.id == rule]
