"""The AlertmanagerConfig says what Alertmanager's own file says, as the Prometheus operator reads it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from debian_programs import program
from operator_naming import as_alertmanager_reads_it
from routed import alerts, amtool, catalog, catalog_of_one_team, many_teams, routed, told, written

from components.definition.load_catalog import Catalog
from components.specs.monitoring.messages import INLINE
from components.specs.monitoring.routing import alertmanager_config
from components.specs.monitoring.routing_objects import STRATEGY, routing_manifests
from policies.schemas import SchemaChecker

needs_amtool = pytest.mark.skipif(
    not program("amtool"), reason="amtool is missing (Debian's package prometheus-alertmanager)"
)
CATALOGS = {
    "a token of Slack": lambda: catalog(pagerduty_url="https://events.eu.pagerduty.com/v2/enqueue"),
    "a webhook of Slack": lambda: catalog(slack={"secret": "shared/alerting#slack"}),
    "one team": catalog_of_one_team,
    "many teams": lambda: catalog(many_teams(40)),
}
LARGEST_BYTES = 1 << 20


def config_object(environment: str, given: Catalog) -> dict[str, Any]:
    return routing_manifests(environment, given)[-1]


def values(environment: str, given: Catalog) -> dict[str, str]:
    """Key of the Secret → a value, for every key that the ExternalSecret brings."""
    spec = routing_manifests(environment, given)[2]["spec"]
    brought = {one["secretKey"]: f"value-of-{one['secretKey']}" for one in spec["data"]}
    if "slack" in brought:
        brought["slack"] = "https://hooks.example.com/slack"
    return brought | spec["target"].get("template", {}).get("data", {})


def written_out(plain: dict[str, Any], secrets: dict[str, str]) -> list[dict[str, Any]]:
    """The receivers of the plain form with what `global` says, values in the places of files, and templates in full."""
    general = plain["global"]
    taken = {
        "slack_configs": {"slack_api_url": "api_url", "slack_api_url_file": "api_url_file"},
        "pagerduty_configs": {"pagerduty_url": "url"},
        "email_configs": {name: name.removeprefix("smtp_") for name in general if name.startswith("smtp_")},
    }
    found = []
    for receiver in plain["receivers"]:
        one: dict[str, Any] = {"name": receiver["name"]}
        for kind in receiver.keys() - {"name"}:
            common = {field: general[name] for name, field in taken.get(kind, {}).items() if name in general}
            one[kind] = [_full({**common, **config}, secrets) for config in receiver[kind]]
        found.append(one)
    return found


def _full(value: Any, secrets: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name.removesuffix("_file"): secrets[item.rpartition("/")[2]]
            if name.endswith("_file")
            else _full(item, secrets)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_full(item, secrets) for item in value]
    return INLINE.get(value, value) if isinstance(value, str) else value


def _bare(route: dict[str, Any], prefix: str) -> dict[str, Any]:
    """A route with the names of receivers as they were before the operator put its own in front."""
    found = {**route, "receiver": route["receiver"].removeprefix(prefix)}
    if "routes" in route:
        found["routes"] = [_bare(one, prefix) for one in route["routes"]]
    return found


@pytest.mark.parametrize("environment", ["dev", "staging", "prod"])
@pytest.mark.parametrize("name", CATALOGS)
def test_both_forms_say_the_same(name: str, environment: str) -> None:
    given = CATALOGS[name]()
    one = config_object(environment, given)
    secrets = values(environment, given)
    read = as_alertmanager_reads_it([one], secrets)
    plain = alertmanager_config(given, [environment])
    prefix = f"monitoring/{one['metadata']['name']}/"
    (route,) = read["route"]["routes"]
    assert route.pop("matchers") == [f'environment="{environment}"']
    assert route.pop("continue") is True
    assert _bare(route, prefix) == plain["route"]
    assert read["inhibit_rules"] == plain["inhibit_rules"]
    receivers = [{**one, "name": one["name"].removeprefix(prefix)} for one in read["receivers"][1:]]
    assert receivers == written_out(plain, secrets)


@needs_amtool
def test_two_environments_in_one_alertmanager_are_told_apart(tmp_path: Path) -> None:
    given = catalog()
    objects = [config_object(environment, given) for environment in ("dev", "staging")]
    file = written(as_alertmanager_reads_it(objects, values("dev", given)), tmp_path)
    done = amtool("check-config", file, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    ours = {"dev": "monitoring/roster-dev/", "staging": "monitoring/roster-staging/"}
    cases = list(alerts(given))
    wanted = []
    for case in cases:
        prefix = ours.get(case.get("environment", ""))
        # Alerts of nobody's environment are the business of whoever runs this Alertmanager.
        wanted.append([prefix + one for one in told(given, case)] if prefix else ["null"])
    assert routed(file, cases) == wanted


@pytest.mark.parametrize("name", CATALOGS)
def test_the_objects_keep_to_their_schemas_and_fit_into_the_cluster(name: str) -> None:
    checker = SchemaChecker()
    for environment in ("dev", "prod"):
        for one in routing_manifests(environment, CATALOGS[name]()):
            assert checker.check(one) == []
            assert len(json.dumps(one)) < LARGEST_BYTES


def test_the_object_says_which_matcher_strategy_it_needs() -> None:
    said = config_object("prod", catalog())["metadata"]["annotations"][STRATEGY]
    assert said.startswith("OnNamespaceExceptForAlertmanagerNamespace")
