"""How the dashboards are shipped: one copy a cluster, small and valid objects, the catalog's figures in them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml
from dashboard_queries import dashboards
from grafana_foundation_sdk.models import units
from small_fleet import fleet

from components.definition.load_catalog import Catalog
from components.specs import platform_manifests
from components.specs.monitoring.dashboards import BUILT, NAMES, dashboard_manifests, documents
from components.specs.monitoring.dashboards.documents import templates
from components.specs.monitoring.dashboards.figures import SIGNS
from policies.schemas import SchemaChecker

CONFIG_MAP_BYTES = 1024 * 1024


def catalog(settings: str) -> Catalog:
    found: Catalog = fleet({}, {"settings.yaml": settings}).catalog
    return found


def test_each_cluster_gets_one_copy_from_its_first_environment() -> None:
    opened = fleet({}).catalog
    shipped = {name: len(dashboard_manifests(name, opened)) for name in opened.environments}
    assert shipped == {"dev": 6, "staging": 0, "prod": 6}
    first = dashboard_manifests("dev", opened)[0]
    assert first["metadata"]["name"] == "roster-dashboard-overview-dev"
    assert first["data"] == dashboard_manifests("prod", opened)[0]["data"]


def test_they_are_among_the_platforms_objects() -> None:
    opened = fleet({}).catalog
    uids = [
        json.loads(text)["uid"]
        for one in platform_manifests("prod", opened)
        if one["kind"] == "ConfigMap" and one["metadata"]["labels"].get("grafana_dashboard") == "1"
        for text in one["data"].values()
    ]
    assert sorted(uids) == sorted(f"roster-{name}" for name in NAMES)


@pytest.mark.parametrize("kind", ["sidecar", "operator"])
def test_objects_are_small_valid_and_in_the_monitoring_namespace(kind: str) -> None:
    opened = catalog(f"monitoring: {{dashboards: {kind}, namespace: watch}}\n")
    made = dashboard_manifests("prod", opened)
    assert len(made) == len(NAMES)
    checker = SchemaChecker()
    for one in made:
        assert checker.check(one) == []
        assert one["metadata"]["namespace"] == "watch"
        assert len(yaml.safe_dump(one).encode()) < CONFIG_MAP_BYTES / 8
        text = one["spec"]["json"] if kind == "operator" else next(iter(one["data"].values()))
        assert json.loads(text) in dashboards().values() or kind == "operator"
        assert len(text.splitlines()) > 100, "nobody can review one line"


def test_prices_currency_and_thresholds_are_the_catalogs() -> None:
    opened = catalog(
        "prices: {currency: SEK, cpu_core_month: 777, memory_gib_month: 1, storage_gib_month: 0}\n"
        "alerts: {p95_seconds: 3.5}\n"
    )
    text = json.dumps(documents(opened)["cost"])
    assert "777 * sum" in text
    assert not re.search("<[a-z]", text), "a mark was left"
    assert '"currencySEK"' in text
    (panel,) = [one for one in documents(opened)["pool"]["panels"] if one["title"] == "P95"]
    assert panel["fieldConfig"]["defaults"]["thresholds"]["steps"][-1]["value"] == 3.5


def test_an_alert_that_the_catalog_does_not_want_leaves_no_colour_behind() -> None:
    opened = catalog("alerts: {p95_seconds: 8}\n")
    (panel,) = [one for one in documents(opened)["pool"]["panels"] if one["title"] == "Error rate"]
    assert [step["color"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"]] == ["green"]
    assert not re.search("<[a-z]", json.dumps(documents(opened))), "a mark was left"


def test_currencies_with_a_sign_are_grafanas() -> None:
    known = {value for value in vars(units).values() if isinstance(value, str) and value.startswith("currency")}
    assert {f"currency{code}" for code in SIGNS} == {one for one in known if re.fullmatch("currency[A-Z]{3}", one)}
    assert '"currency:XTS "' in json.dumps(
        documents(catalog("prices: {currency: XTS, cpu_core_month: 1, memory_gib_month: 1, storage_gib_month: 1}\n"))
    )


@pytest.mark.parametrize("name", NAMES)
def test_what_is_built_is_what_the_panels_say(name: str, update_golden: bool) -> None:
    made = templates()
    assert set(made) == set(NAMES)
    if update_golden:
        (BUILT / f"{name}.json").write_text(made[name], "utf-8")
    assert (BUILT / f"{name}.json").read_text("utf-8") == made[name], "make it again: pytest --update-golden"


def test_who_renders_does_not_wait_for_grafanas_sdk() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from small_fleet import fleet\n"
        "from components.specs import platform_manifests\n"
        "assert any('Agent Detail' in str(one) for one in platform_manifests('prod', fleet({}).catalog))\n"
        "assert not any(name.startswith('grafana_foundation_sdk') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_the_same_catalog_gives_the_same_bytes() -> None:
    program = (
        "import sys; sys.path.insert(0, 'tests')\n"
        "from small_fleet import fleet\n"
        "from components.specs.monitoring.dashboards import dashboard_manifests\n"
        "print(dashboard_manifests('prod', fleet({}).catalog))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, env={"PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1
