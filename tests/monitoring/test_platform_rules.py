"""The platform's rules of each environment: where they lie, whom they name, and what the catalog changes in them."""

from __future__ import annotations

from typing import Any

import pytest
from small_fleet import fleet

from components.specs import platform_manifests

POOLS = ("business", "community", "halted", "support")


def _rule(environment: str, catalog: dict[str, str] | None = None) -> dict[str, Any] | None:
    manifests = platform_manifests(environment, fleet({}, catalog).catalog)
    found = [one for one in manifests if one["kind"] == "PrometheusRule"]
    assert len(found) <= 1
    return found[0] if found else None


def _rules(environment: str, catalog: dict[str, str] | None = None) -> list[dict[str, Any]]:
    found = _rule(environment, catalog)
    assert found
    return [rule for group in found["spec"]["groups"] for rule in group["rules"]]


def _databases(environment: str, catalog: dict[str, str] | None = None) -> list[str]:
    return [rule["labels"]["database"] for rule in _rules(environment, catalog) if rule.get("alert") == "DatabaseDown"]


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
def test_environments_that_share_a_cluster_have_objects_groups_and_series_of_their_own(environment: str) -> None:
    found = _rule(environment)
    assert found
    suffix = "" if environment == "prod" else f"-{environment}"
    assert (found["metadata"]["namespace"], found["metadata"]["name"]) == ("monitoring", f"roster-platform{suffix}")
    (group,) = found["spec"]["groups"]
    assert group["name"] == f"{environment}.platform"
    assert {rule["labels"]["environment"] for rule in group["rules"]} == {environment}
    alerts = [rule for rule in group["rules"] if "alert" in rule]
    assert {rule["labels"]["owner"] for rule in alerts} == {"platform"}
    for rule in alerts:
        if "namespace=~" in rule["expr"]:
            assert f"business{suffix}|community{suffix}|" in rule["expr"], rule["alert"]


def test_rules_lie_where_the_catalog_says_and_belong_to_the_team_that_it_names() -> None:
    catalog = {"settings.yaml": "monitoring: {namespace: observability, owner: security}\n"}
    found = _rule("prod", catalog)
    assert found
    assert found["metadata"]["namespace"] == "observability"
    assert {rule["labels"]["owner"] for rule in _rules("prod", catalog) if "alert" in rule} == {"security"}


def test_an_environment_without_pools_has_no_rules() -> None:
    pool = "{}:\n  description: Elsewhere.\n  owner: growth\n  environments: [dev]\n  quota: {}\n"
    quota = '{cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}'
    assert _rule("prod", {"pools.yaml": "".join(pool.format(name, quota) for name in POOLS)}) is None


def test_a_database_is_watched_where_its_exporter_is_and_by_the_exporter_s_own_series() -> None:
    assert (_databases("prod"), _databases("dev")) == (["agents-postgres", "platform-redis"], [])
    plain = "  description: D.\n  secrets: {A: a/b#c}\n  endpoint: {cidr: 10.0.0.0/24, port: 5432}\n"
    everywhere = {"databases.yaml": f"extra:\n{plain}  exporter: redis\n  job: a/b\nunwatched:\n{plain}"}
    assert _databases("dev", everywhere) == ["extra"]
    (rule,) = [one for one in _rules("dev", everywhere) if one.get("labels", {}).get("database") == "extra"]
    assert 'redis_up{job="a/b"}' in rule["expr"]


def test_findings_count_from_where_the_gate_stops_an_image() -> None:
    def severities(images: str) -> str:
        rules = _rules("prod", {"settings.yaml": f"images: {images}\n"})
        (rule,) = [one for one in rules if one.get("alert") == "ImageFindings"]
        return str(rule["expr"].split('severity=~"')[1].split('"')[0])

    assert severities("{}") == "critical"
    assert severities("{gate: {block_at: medium}}") == "critical|high|medium"


def test_who_has_no_pushgateway_is_not_told_that_ci_is_silent() -> None:
    rules = _rules("prod", {"settings.yaml": "monitoring: {owner: platform}\n"})
    assert "DeliverySilent" not in {one.get("alert") for one in rules}
    assert "DeliverySilent" in {one.get("alert") for one in _rules("prod")}


def test_thresholds_of_the_catalog_are_those_of_the_rules() -> None:
    thresholds = "{certificate_days: 30, stack_hours: 2, silent_hours: 50}"
    rules = {
        one.get("alert"): one
        for one in _rules(
            "prod", {"settings.yaml": f"monitoring: {{pushgateway: http://p, thresholds: {thresholds}}}\n"}
        )
    }
    assert "< 30 * 86400" in rules["CertificateExpiring"]["expr"]
    assert "offset 2h" in rules["StackNotApplied"]["expr"]
    assert "> 50 * 3600" in rules["DeliverySilent"]["expr"]
    assert not [name for name, one in rules.items() if "<" in one["expr"].replace("< ", "").replace("<= ", "")]
