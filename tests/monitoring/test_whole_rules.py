"""The rules as a whole: none is missing, none is idle, and they stay small whatever the fleet is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from background import parts
from known_series import known
from rendered_rules import groups
from small_fleet import MINIMAL, fleet, manifests

from components.definition.agent import Alerts
from components.definition.load_catalog import Catalog
from components.definition.monitoring import Thresholds
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import platform_manifests, pool_manifests
from components.specs.monitoring.alerts import ALERTS
from components.specs.monitoring.all_alerts import ALL_ALERTS
from components.specs.monitoring.recorded import RECORDED
from components.specs.names import Manifest

ROOT = Path(__file__).parents[2]
CASES = Path(__file__).parent / "alerts"
# A ConfigMap of rules holds no more; the operator makes one of each object.
MOST_BYTES = 512 * 1024


def test_every_threshold_belongs_to_an_alert() -> None:
    used = {name for alert in ALL_ALERTS for name in alert.limits}
    assert used == set(Alerts.model_fields) | set(Thresholds.model_fields)


@pytest.mark.parametrize("folder", [".", "bench"])
def test_a_catalog_that_is_shipped_gives_every_threshold_of_agents(folder: str) -> None:
    path = ROOT / folder / ("agents/catalog" if folder == "." else "catalog") / "settings.yaml"
    assert set(yaml.safe_load(path.read_text("utf-8"))["alerts"]) == set(Alerts.model_fields)


def test_every_alert_is_made() -> None:
    shared = [group for group in groups() if group["name"] != "business.particular"]
    made = {rule["alert"] for group in shared for rule in group["rules"] if "alert" in rule}
    assert {alert.name for alert in ALERTS} - made == set()


def test_every_recorded_series_is_read_by_a_rule_or_what_a_rule_says() -> None:
    rules = [rule for group in groups() for rule in group["rules"]]
    idle = [
        one.name
        for one in RECORDED
        if not any(one.name in json.dumps(rule) for rule in rules if rule.get("record") != one.name)
    ]
    assert not idle, f"nobody reads {', '.join(idle)}"


def test_every_threshold_that_an_agent_may_have_of_its_own_is_tried_with_one() -> None:
    own = [alert.name for alert in ALERTS if alert.scope == "agent" and alert.limits & set(Alerts.model_fields)]
    untried = [
        name
        for name in own
        if not any(case["name"].startswith("own ") for case in yaml.safe_load((CASES / f"{name}.yaml").read_text()))
    ]
    assert own
    assert not untried


@pytest.mark.parametrize("alert", [one.name for one in ALERTS if one.scope != "platform"])
def test_cases_give_series_and_labels_that_exporters_have(alert: str) -> None:
    wrong = set()
    for case in yaml.safe_load((CASES / f"{alert}.yaml").read_text("utf-8")):
        for one in case["input_series"]:
            name, labels = parts(one["series"])
            wrong |= {f"{name} has no {label}" for label in labels.keys() - known().get(name, set())}
    assert not wrong, "\n".join(sorted(wrong))


def test_agents_without_thresholds_of_their_own_add_no_rule_however_many_they_are() -> None:
    assert not [one for one in manifests(MINIMAL) if one["kind"] == "PrometheusRule"]
    many = fleet({f"business/agent-{number}.yaml": MINIMAL for number in range(1500)})
    assert _shared(many.catalog) == _shared(fleet({}).catalog)


def _shared(catalog: Catalog) -> list[Manifest]:
    return [*pool_manifests("business", "prod", catalog), *platform_manifests("prod", catalog)]


def test_every_object_of_rules_fits_into_the_config_map_that_the_operator_makes_of_it() -> None:
    catalog = Fleet.open(WorkTree(ROOT)).catalog
    objects = [
        one
        for name in catalog.environments
        for pool in catalog.pools
        for one in [*pool_manifests(pool, name, catalog), *platform_manifests(name, catalog)]
        if one["kind"] == "PrometheusRule"
    ]
    sizes = {one["metadata"]["name"]: len(yaml.safe_dump(one)) for one in objects}
    assert sizes
    assert max(sizes.values()) < MOST_BYTES / 2, sizes
