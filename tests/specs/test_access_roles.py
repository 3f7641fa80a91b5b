"""What teams may do in pools' namespaces, as rendered; tests/cluster/test_access.py asks a real API server."""

from __future__ import annotations

from typing import Any

import pytest
from small_fleet import MINIMAL, findings, fleet

from components.specs import agent_manifests, pool_manifests
from components.specs.access import VIEWED

TEAM = "{name}:\n  description: People.\n  email: {name}@example.com\n  reviewers: '@example/{name}'\n{more}"
POOL = """\
business:
  description: Agents that plan.
  owner: growth
  quota: {cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}
"""
GROWTH = TEAM.format(name="growth", more="  groups: [growth-engineers, growth-leads]\n")
SUPPORT = TEAM.format(name="support", more="  groups: [support-engineers]\n")


def rendered(pool: str = POOL, *teams: str, environment: str = "prod") -> dict[tuple[str, str], dict[str, Any]]:
    """Kind and name → object, of those that say who may do what."""
    catalog = fleet({}, {"pools.yaml": pool, "teams.yaml": "".join(teams)}).catalog
    manifests = pool_manifests("business", environment, catalog)
    return {(one["kind"], one["metadata"]["name"]): one for one in manifests if one["kind"].startswith("Role")}


def groups(binding: dict[str, Any]) -> list[str]:
    return [one["name"] for one in binding["subjects"]]


def test_a_fleet_whose_teams_have_no_groups_gives_nobody_anything() -> None:
    assert rendered(POOL, TEAM.format(name="growth", more="")) == {}


def test_the_owner_may_look_when_nothing_is_said() -> None:
    found = rendered(POOL, GROWTH, SUPPORT)
    assert [*found] == [("Role", "roster-view"), ("RoleBinding", "roster-view-growth")]
    assert groups(found["RoleBinding", "roster-view-growth"]) == ["growth-engineers", "growth-leads"]


def test_what_is_said_holds_for_the_owner_too() -> None:
    found = rendered(POOL + "  access: {support: operate}\n", GROWTH, SUPPORT)
    assert [*found] == [("Role", "roster-operate"), ("RoleBinding", "roster-operate-support")]


def test_another_level_is_another_binding_as_a_bindings_role_can_never_change() -> None:
    before = rendered(POOL + "  access: {support: view}\n", GROWTH, SUPPORT)
    after = rendered(POOL + "  access: {support: operate}\n", GROWTH, SUPPORT)
    assert not {name for name in before if name[0] == "RoleBinding"} & after.keys()


def test_roles_lie_in_the_pools_namespace_of_each_environment_and_nowhere_else() -> None:
    for environment, namespace in (("dev", "business-dev"), ("prod", "business")):
        found = rendered(POOL, GROWTH, environment=environment)
        assert {one["metadata"]["namespace"] for one in found.values()} == {namespace}


@pytest.mark.parametrize("level", ["view", "operate"])
def test_no_role_reads_secrets_enters_pods_or_changes_anything_but_by_deleting_a_pod(level: str) -> None:
    role = rendered(POOL + f"  access: {{growth: {level}}}\n", GROWTH)["Role", f"roster-{level}"]
    for rule in role["rules"]:
        assert "*" not in (*rule["apiGroups"], *rule["resources"], *rule["verbs"])
        assert "secrets" not in rule["resources"]
        assert not {one for one in rule["resources"] if "/" in one} - {"pods/log"}
    changing = [rule for rule in role["rules"] if {*rule["verbs"]} - {"get", "list", "watch"}]
    allowed = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["delete"]}] if level == "operate" else []
    assert changing == allowed


def test_everything_that_a_pool_and_its_agents_consist_of_may_be_looked_at() -> None:
    opened = fleet({"business/a.yaml": MINIMAL}, {"teams.yaml": GROWTH})
    agent = opened.examine("agents/business/a.yaml", ["prod"]).resolved["prod"]
    kinds = {
        (one["apiVersion"].rpartition("/")[0], one["kind"].lower())
        for one in (*pool_manifests("business", "prod", opened.catalog), *agent_manifests(agent))
    }
    plural = {(group, _singular(name)) for group, names in VIEWED.items() for name in names}
    assert kinds - plural == {("", "namespace")}, "its own namespace stands in a rule of its own"


def _singular(name: str) -> str:
    return name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")


def test_groups_that_are_everybody_are_refused_where_they_stand() -> None:
    for group in ("system:masters", "system:authenticated", "system:unauthenticated", "system:serviceaccounts:x"):
        teams = GROWTH.replace("growth-leads", f"'{group}'")
        (found,) = findings({"business/a.yaml": MINIMAL}, {"teams.yaml": teams})
        assert (found.rule, found.severity) == ("reserved-group", "error")
        assert found.file == "agents/catalog/teams.yaml"


def test_access_of_a_team_without_groups_is_told_and_stops_nothing() -> None:
    pool = POOL + "  access: {growth: view, support: view}\n"
    found = findings({"business/a.yaml": MINIMAL}, {"pools.yaml": pool, "teams.yaml": GROWTH})
    told = [one for one in found if one.rule == "access-of-nobody"]
    assert [(one.severity, one.file, one.line) for one in told] == [("warning", "agents/catalog/pools.yaml", 5)]
    assert "support" in told[0].message


def test_access_of_a_team_that_is_none_names_the_nearest() -> None:
    pool = POOL + "  access: {grwoth: view}\n"
    found = findings({"business/a.yaml": MINIMAL}, {"pools.yaml": pool})
    assert [one.rule for one in found] == ["unknown-team"]
    assert "Did you mean 'growth'?" in found[0].message
