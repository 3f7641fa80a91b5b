"""The dashboards, panel by panel: what they ask exists, what they show has room, and their links lead somewhere."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from dashboard_queries import DEFAULTS, PanelQuery, dashboards, queries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from known_series import known, values
from promql_labels import Nonsense, labels_of, metrics_of, wanted_values
from small_fleet import fleet

from components.specs.monitoring.all_alerts import ALL_ALERTS
from components.specs.monitoring.dashboards import NAMES
from components.specs.monitoring.links import alert_annotations
from components.specs.monitoring.scraping import pod_monitor

MOST_PANELS = 22
_NAMED = re.compile(r"__(?:field\.labels|data\.fields)\.(\w+)")
each = pytest.mark.parametrize("name", NAMES)


def panels(name: str) -> list[dict[str, Any]]:
    return [panel for panel in dashboards()[name]["panels"] if panel["type"] != "row"]


def asked(name: str, language: str = "promql") -> Iterator[PanelQuery]:
    for one in queries(name):
        if one.language == language:
            yield one


def labels(panel: dict[str, Any], name: str) -> frozenset[str]:
    """Labels that the panel's series have."""
    mine = [one for one in asked(name) if one.panel == panel["title"]]
    return frozenset().union(*(labels_of(one.query, known()) for one in mine))


def test_there_are_the_six_that_alerts_and_readers_know_by_their_uids() -> None:
    assert {name: document["uid"] for name, document in dashboards().items()} == {
        name: f"roster-{name}" for name in NAMES
    }
    assert len({document["title"] for document in dashboards().values()}) == len(NAMES)
    assert {alert.dashboard for alert in ALL_ALERTS} <= set(NAMES)


@each
def test_every_query_parses_and_reads_series_and_labels_that_exist(name: str) -> None:
    wrong = []
    for one in asked(name):
        try:
            labels_of(one.query, known())
        except (Nonsense, ValueError) as error:
            wrong.append(f"{one.panel} {one.ref}: {error}\n    {one.query}")
    assert not wrong, "\n".join(wrong)


@each
def test_values_that_queries_name_are_values_that_exporters_give(name: str) -> None:
    for one in asked(name):
        for metric, label, value in wanted_values(one.query):
            given = values(metric, label)
            one_of_several = value in given or not given or label in ("namespace", "environment", "agent_id")
            assert one_of_several, f"{one.panel}: {metric} has no {label}={value}, but {sorted(given)}"


def test_nothing_that_a_dashboard_reads_is_dropped_when_agents_are_scraped() -> None:
    dropped = {endpoint["metricRelabelings"][0]["regex"] for endpoint in pod_monitor({})["spec"]["podMetricsEndpoints"]}
    read = {metric for name in NAMES for one in asked(name) for metric in metrics_of(one.query)}
    assert not [metric for metric in read for pattern in dropped if re.fullmatch(pattern, metric)]


@each
def test_no_variable_is_left_that_the_dashboard_has_not(name: str) -> None:
    own = {variable["name"] for variable in dashboards()[name]["templating"]["list"]}
    text = json.dumps(dashboards()[name])
    used = set(re.findall(r"\$\{?([a-z]\w*)", text))
    assert used <= own | {"__rate_interval"}, used - own
    assert own <= used | {"agent"}, f"nothing uses {own - used}"
    fixed = [one for one in _sources(dashboards()[name]) if one["uid"] not in ("${datasource}", "${logs}")]
    assert not fixed, "a data source of one Grafana"


def _sources(value: Any) -> Iterator[dict[str, str]]:
    """Every reference to a data source, wherever it is."""
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("datasource"), dict):
        yield value["datasource"]
    for child in children:
        yield from _sources(child)


@each
def test_legends_columns_and_links_name_labels_of_their_series(name: str) -> None:
    for panel in panels(name):
        if panel["type"] == "logs":
            continue
        have = labels(panel, name)
        named = {label for target in panel["targets"] for label in re.findall(r"{{(\w+)}}", target["legendFormat"])}
        named |= set(_NAMED.findall(json.dumps(panel["fieldConfig"])))
        named |= {field for field in _columns(panel) if not field.startswith("Value")}
        assert named <= have, f"{panel['title']}: {named - have} among {have}"


def _columns(panel: dict[str, Any]) -> list[str]:
    chosen = [one for one in panel.get("transformations", ()) if one["id"] == "filterFieldsByName"]
    return [field for one in chosen for field in one["options"]["include"]["names"]]


@each
def test_a_table_shows_the_value_of_each_of_its_queries_but_of_one_that_only_brings_the_rows(name: str) -> None:
    for panel in panels(name):
        if panel["type"] != "table":
            continue
        several = len(panel["targets"]) > 1
        values = [f"Value #{target['refId']}" if several else "Value" for target in panel["targets"]]
        unused = [value for value in values if value not in _columns(panel)]
        assert unused in ([], values[:1]), panel["title"]
        shared = [labels_of(one.query, known()) for one in asked(name) if one.panel == panel["title"]]
        assert frozenset.intersection(*shared) or len(shared) == 1, f"{panel['title']}: rows cannot be told apart"


@each
def test_no_panel_covers_another_or_leaves_the_grid(name: str) -> None:
    places = [panel["gridPos"] for panel in dashboards()[name]["panels"]]
    assert all(place["x"] >= 0 and place["x"] + place["w"] <= 24 and place["h"] > 0 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        apart = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or apart, (one, other)


@each
def test_rows_are_filled_and_titled_and_figures_come_first(name: str) -> None:
    found = dashboards()[name]["panels"]
    assert found[0]["type"] == "row"
    assert {panel["type"] for panel in found[1 : 1 + found[1:].index(_next_row(found))]} == {"stat"}
    width: dict[int, int] = {}
    for panel in found:
        width[panel["gridPos"]["y"]] = width.get(panel["gridPos"]["y"], 0) + panel["gridPos"]["w"]
    assert set(width.values()) == {24}
    assert len(panels(name)) <= MOST_PANELS
    assert len({panel["id"] for panel in found}) == len(found)
    assert len({panel["title"] for panel in panels(name)}) == len(panels(name)), "two of the same title"


def _next_row(found: list[dict[str, Any]]) -> dict[str, Any]:
    return next(panel for panel in found[1:] if panel["type"] == "row")


@each
def test_every_panel_says_what_it_is_in_which_unit_and_what_it_means_when_it_is_empty(name: str) -> None:
    for panel in panels(name):
        defaults = panel["fieldConfig"]["defaults"]
        assert defaults["unit"], panel["title"]
        assert defaults["noValue"], panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["description"] != panel["title"]


@each
def test_grafanas_own_types_know_every_field(name: str) -> None:
    register_default_plugins()
    document = dashboards()[name]
    written = json.loads(json.dumps(Dashboard.from_json(document), cls=JSONEncoder))
    # What Prometheus alone has on its marks; the types know just what all data sources share.
    own = {"titleFormat", "textFormat", "step", "useValueForTime"}
    assert {one for one in _lost(document, written, "") if one.rpartition(".")[2] not in own} == set()


def _lost(ours: Any, read: Any, at: str) -> Iterator[str]:
    """Paths of what is not the same once it was read and written again; what is added by default may be there."""
    if isinstance(ours, dict) and isinstance(read, dict):
        for key, value in ours.items():
            yield from _lost(value, read.get(key), f"{at}.{key}")
    elif isinstance(ours, list) and isinstance(read, list) and len(ours) == len(read):
        for index, (one, other) in enumerate(zip(ours, read, strict=True)):
            yield from _lost(one, other, f"{at}[{index}]")
    elif ours != read:
        yield at


@each
def test_links_lead_to_dashboards_that_exist_and_fill_in_their_variables(name: str) -> None:
    text = json.dumps(dashboards()[name])
    for uid, query in re.findall(r'"/d/([^"?]+)\??([^"]*)"', text):
        target = next(document for document in dashboards().values() if document["uid"] == uid)
        given = set(re.findall(r"var-(\w+)=", query))
        assert given <= {variable["name"] for variable in target["templating"]["list"]}
        if query:
            assert "${__url_time_range}" in query
            assert "${datasource:queryparam}" in query
    others = {f"/d/roster-{other}" for other in NAMES if other != name}
    assert {link["url"] for link in dashboards()[name]["links"]} == others
    assert all(link["keepTime"] and link["includeVars"] for link in dashboards()[name]["links"])


def test_links_of_alerts_fill_in_variables_that_the_dashboard_has() -> None:
    for alert in ALL_ALERTS:
        labels = {"pool": "business", "namespace": "business"}
        address = alert_annotations(alert, fleet({}).catalog.settings, labels)["dashboard_url"]
        given = set(re.findall(r"var-(\w+)=", address))
        have = {variable["name"] for variable in dashboards()[alert.dashboard]["templating"]["list"]}
        # Grafana takes no notice of a variable that a dashboard has not: one that it needs must be there.
        needed = have & {"namespace", "agent"}
        assert needed <= given, f"{alert.name} leads to {alert.dashboard} without {needed - given}"


@each
def test_every_apply_is_marked_at_the_time_that_its_series_says(name: str) -> None:
    marks = {mark["name"]: mark for mark in dashboards()[name]["annotations"]["list"]}
    assert "roster_stack_applied_timestamp_seconds" in metrics_of(next(iter(_marks(name)["Applied"])))
    for mark in marks.values():
        assert mark["useValueForTime"]
        assert mark["expr"].startswith("1000 * "), "Grafana reads milliseconds"
    assert any(mark["enable"] for mark in marks.values())


def _marks(name: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in asked(name):
        if one.panel.startswith("mark "):
            found.setdefault(one.panel.removeprefix("mark "), []).append(one.query)
    return found


def test_red_begins_where_the_alert_does() -> None:
    (panel,) = [one for one in panels("agent") if one["title"] == "Error rate"]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert [step["color"] for step in steps] == ["green", "yellow", "red"]
    limit = fleet({}).catalog.settings.alerts.error_rate_percent
    assert limit
    assert steps[-1]["value"] == limit / 100


def test_an_environment_chooses_its_pools_namespaces_and_all_of_them_are_offered_first() -> None:
    (variable,) = [one for one in dashboards()["overview"]["templating"]["list"] if one["name"] == "environment"]
    options = dict(one.split(" : ") for one in variable["query"].split(","))
    assert list(options) == ["dev|staging|prod", "dev", "staging", "prod"]
    assert "business-staging" in options["staging"].split("|")
    # Its pool runs nowhere else.
    assert [name for name, spaces in options.items() if "experiments" in spaces] == ["dev|staging|prod", "dev"]
    assert set(options["dev|staging|prod"].split("|")) == {
        space for name in ("dev", "staging", "prod") for space in options[name].split("|")
    }
    # Grafana escapes the values of a variable with these, and an expression would then find nothing.
    assert not variable["multi"]
    assert not variable["includeAll"]


def test_an_agent_without_metrics_of_its_own_still_has_the_rows_of_the_cluster() -> None:
    own = {series for series in known() if series.startswith("agent_")} | {
        "roster:agent:requests:rate5m",
        "roster:agent:failures:rate5m",
        "roster:agent:error_budget_remaining",
        "roster:agent:latency_budget_remaining",
    }
    without = {one.panel for one in asked("agent") if not metrics_of(one.query) & own}
    assert {"Pods ready", "Last change", "Replicas", "CPU", "Memory", "Restarts and waiting pods"} <= without
    assert "Firing alerts" in without


def test_logs_are_asked_of_loki_for_one_agent() -> None:
    (one,) = asked("agent", "logql")
    assert 'namespace="business"' in one.query
    assert '"support"' in one.query


def test_filling_in_knows_every_variable() -> None:
    assert all("$" not in one.query.replace('"$1"', "") for name in NAMES for one in queries(name))
    assert "7m" in json.dumps([one.query for one in queries("agent", {"__rate_interval": "7m"})])
    assert DEFAULTS["namespace"] == "business"
