"""Who is told of an alert, how and when: Alertmanager's own file, as amtool reads it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from debian_programs import program
from real_alertmanager import alertmanager
from routed import ROUTING, alerts, amtool, catalog, catalog_of_one_team, many_teams, routed, told, written
from small_fleet import MINIMAL, fleet

from components.definition.load_catalog import Catalog
from components.manifest_yaml import dump
from components.specs.monitoring.messages import INLINE, TEMPLATES, call
from components.specs.monitoring.routing import alertmanager_config, duration
from components.specs.monitoring.routing_objects import routing_manifests

needs_amtool = pytest.mark.skipif(
    not program("amtool"), reason="amtool is missing (Debian's package prometheus-alertmanager)"
)
ALL = ("dev", "staging", "prod")
_SCRAPE = 'alertname="ScrapeFailing"'
WEBHOOK = {"slack": {"secret": "shared/alerting#slack"}}
CATALOGS = {
    "as in the fixture": lambda: catalog(),
    "a webhook of Slack": lambda: catalog(**WEBHOOK, pagerduty_url="https://events.eu.pagerduty.com/v2/enqueue"),
    "no Slack": lambda: catalog(slack=None),
    "nobody waits for signs of life": lambda: catalog(dead_mans_switch=None, silenced=[]),
    "one team": catalog_of_one_team,
    "many teams": lambda: catalog(many_teams(40)),
}


def routes(config: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The last routes of the tree, by receiver; a receiver of several is there once."""
    found = {}
    waiting = [config["route"]]
    while waiting:
        route = waiting.pop()
        waiting += route.get("routes", ())
        if "group_wait" in route:
            found[route["receiver"]] = route
    return found


def receiver(config: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [one for one in config["receivers"] if one["name"] == name]
    return found


@needs_amtool
@pytest.mark.parametrize("name", CATALOGS)
def test_alertmanager_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    file = written(alertmanager_config(CATALOGS[name](), ALL), tmp_path)
    done = amtool("check-config", file, home=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


@needs_amtool
def test_each_severity_of_each_team_in_each_environment_reaches_who_must_be_told(tmp_path: Path) -> None:
    given = catalog()
    cases = list(alerts(given))
    assert len(cases) > 100
    found = routed(written(alertmanager_config(given, ALL), tmp_path), cases)
    assert [(case, them) for case, them in zip(cases, found, strict=True) if them != told(given, case)] == []


@needs_amtool
@pytest.mark.parametrize("name", ["one team", "many teams"])
def test_few_and_many_teams_are_told_alike(name: str, tmp_path: Path) -> None:
    given = CATALOGS[name]()
    cases = [case for number, case in enumerate(alerts(given)) if number % 41 == 0 or case.get("owner") == "platform"]
    found = routed(written(alertmanager_config(given, ALL), tmp_path), cases)
    assert [(case, them) for case, them in zip(cases, found, strict=True) if them != told(given, case)] == []


def test_a_critical_alert_pages_mails_and_writes_to_both_channels_at_once() -> None:
    config = alertmanager_config(catalog(), ["prod"])
    page = receiver(config, "growth-critical")
    assert [one["routing_key_file"].rpartition("/")[2] for one in page["pagerduty_configs"]] == ["pagerduty.growth"]
    assert [one["to"] for one in page["email_configs"]] == ["growth@example.com"]
    assert [one["channel"] for one in page["slack_configs"]] == ["#critical", "#growth-alerts"]
    assert routes(config)["growth-critical"]["group_wait"] == "5s"


def test_nobody_took_it_up_so_the_manager_is_told_after_15_minutes_and_on_call_after_30() -> None:
    config = alertmanager_config(catalog(), ["prod"])
    assert receiver(config, "growth-manager")["email_configs"][0]["to"] == "head-of-growth@example.com"
    assert receiver(config, "growth-oncall")["pagerduty_configs"][0]["routing_key_file"].endswith("/oncall.growth")
    assert receiver(config, "platform-oncall")["email_configs"][0]["to"] == "duty@example.com"
    found = routes(config)
    assert [found[f"growth-{step}"]["group_wait"] for step in ("manager", "oncall")] == ["15m", "30m"]
    assert "alertname" in found["growth-manager"]["group_by"], "each alert waits its own 15 minutes"
    only_on_call = {"late": {**many_teams(1)["team-00"], "manager": None}}
    del only_on_call["late"]["manager"]
    assert routes(alertmanager_config(catalog(only_on_call), ["prod"]))["late-oncall"]["group_wait"] == "15m"


def test_a_warning_waits_five_minutes_and_goes_by_mail_and_to_both_channels() -> None:
    config = alertmanager_config(catalog(), ["prod"])
    assert config["route"]["group_wait"] == "5m"
    (warnings,) = [one for one in config["route"]["routes"] if one["matchers"] == ['severity="warning"']]
    assert not any("group_wait" in one for one in (warnings, *warnings["routes"])), "all have the root's time"
    found = receiver(config, "growth-warning")
    assert [one["channel"] for one in found["slack_configs"]] == ["#alerts", "#growth-alerts"]
    assert [one["to"] for one in found["email_configs"]] == ["growth@example.com"]
    assert "pagerduty_configs" not in found


def test_a_team_whose_channel_is_that_of_all_reads_an_alert_once() -> None:
    loud = {"loud": {**many_teams(1)["team-00"], "slack": "#critical"}}
    config = alertmanager_config(catalog(loud), ["prod"])
    assert [one["channel"] for one in receiver(config, "loud-critical")["slack_configs"]] == ["#critical"]


def test_a_token_of_slack_is_sent_with_slacks_messages_and_with_nothing_else() -> None:
    config = alertmanager_config(catalog(), ["prod"])
    for one in config["receivers"]:
        for kind, configs in one.items():
            assert all(("http_config" in entry) == (kind == "slack_configs") for entry in configs if kind != "name")


def test_an_alert_silences_what_it_explains_and_nothing_more_severe() -> None:
    rules = alertmanager_config(catalog(), ["prod"])["inhibit_rules"]
    assert all(rule["equal"][:2] == ["cluster", "environment"] for rule in rules)
    said = [(" ".join(rule["source_matchers"]), " ".join(rule["target_matchers"]), rule["equal"][-1]) for rule in rules]
    assert said == [
        ('scope="pool" severity="critical"', 'scope="agent"', "cause"),
        ('scope="pool" severity="warning"', 'scope="agent" severity=~"warning|info"', "cause"),
        ('alertname="AgentDown"', 'scope="agent" severity="warning"', "agent_id"),
        ('alertname="HighErrorRate"', 'alertname="AvailabilityBudgetBurn"', "agent_id"),
        ('scope="agent" severity="critical" cause!="own"', 'scope="agent" severity="warning"', "agent_id"),
        ('alertname="KubeStateMetricsAbsent"', f'{_SCRAPE} job=~".*kube-state-metrics.*"', "environment"),
        ('alertname="CadvisorAbsent"', f'{_SCRAPE} job=~".*(kubelet|cadvisor).*"', "environment"),
        ('alertname="ExternalSecretsAbsent"', f'{_SCRAPE} job=~".*external-secrets.*"', "environment"),
    ]
    assert all(rule["equal"][2] == "namespace" and rule["equal"][3] in ("cause", "agent_id") for rule in rules[:5])


@pytest.mark.skipif(
    not program("prometheus-alertmanager"), reason="Alertmanager is missing (Debian's package prometheus-alertmanager)"
)
def test_that_nothing_is_known_silences_that_its_targets_do_not_answer(tmp_path: Path) -> None:
    common = {"cluster": "eu", "environment": "prod", "scope": "platform", "cause": "monitoring", "owner": "platform"}
    given = [
        {"alertname": "KubeStateMetricsAbsent", "severity": "critical"},
        {"alertname": "ScrapeFailing", "severity": "warning", "job": "kube-state-metrics"},
        {"alertname": "ScrapeFailing", "severity": "warning", "job": "prometheus-pushgateway"},
        {"alertname": "ScrapeFailing", "severity": "warning", "job": "kube-state-metrics", "environment": "dev"},
    ]
    with alertmanager(written(alertmanager_config(catalog(), ALL), tmp_path)) as address:
        alerts = [{"labels": common | one} for one in given]
        httpx.post(f"{address}/api/v2/alerts", json=alerts).raise_for_status()
        silent: list[str] = []
        for _ in range(100):
            found = httpx.get(f"{address}/api/v2/alerts").json()
            silent = [
                f"{one['labels']['job']} in {one['labels']['environment']}"
                for one in found
                if one["status"]["inhibitedBy"]
            ]
            if silent and len(found) == len(given):
                break
            time.sleep(0.1)
    assert silent == ["kube-state-metrics in prod"]


def test_a_scale_shortens_every_time_and_changes_nothing_else() -> None:
    given = catalog()
    whole, scaled = alertmanager_config(given, ALL), alertmanager_config(given, ALL, 0.01)
    long, short = routes(whole), routes(scaled)
    assert [short[one]["group_wait"] for one in ("growth-critical", "growth-manager", "growth-oncall")] == [
        "50ms",
        "9s",
        "18s",
    ]
    times = ("group_wait", "group_interval", "repeat_interval")
    assert all(long[one][name] != short[one][name] for one in long for name in times)
    for config in (whole, scaled):
        waiting = [config["route"]]
        while waiting:
            route = waiting.pop()
            waiting += route.get("routes", ())
            for name in times:
                route.pop(name, None)
    assert whole == scaled


@pytest.mark.parametrize(
    ("seconds", "scale", "text"),
    [(5, 1.0, "5s"), (900, 1.0, "15m"), (3600, 1.0, "1h"), (5400, 1.0, "90m"), (5, 0.01, "50ms"), (1, 0.0001, "1ms")],
)
def test_a_duration_is_written_as_alertmanager_reads_it(seconds: float, scale: float, text: str) -> None:
    assert duration(seconds, scale) == text


def test_without_routing_there_is_no_configuration_and_no_object() -> None:
    given = catalog(form="none")
    assert [routing_manifests(environment, given) for environment in ALL] == [[], [], []]
    with pytest.raises(ValueError, match=r"no monitoring\.routing"):
        alertmanager_config(given, ALL)


def test_the_order_of_teams_in_the_file_and_the_agents_of_a_fleet_change_nothing() -> None:
    teams = many_teams(5)
    backwards = dict(reversed(teams.items()))
    given, same = (catalog(some, silenced=["dev"]) for some in (teams, backwards))
    for environment in ALL:
        assert routing_manifests(environment, given) == routing_manifests(environment, same)
    empty = fleet({}).catalog
    full = fleet({f"business/agent-{number}.yaml": MINIMAL for number in range(30)}).catalog
    assert [dump(one) for one in routing_manifests("prod", empty)] == [
        dump(one) for one in routing_manifests("prod", full)
    ]


def data(status: str) -> dict[str, Any]:
    """What Alertmanager gives a template, for one alert."""
    labels = {
        "alertname": "HighResponseTime",
        "severity": "critical",
        "agent_id": "brief-writer",
        "namespace": "business",
        "pool": "business",
        "environment": "prod",
        "owner": "growth",
        "cause": "latency",
    }
    annotations = {
        "summary": "P95 of <brief-writer> & Co. > 10 s",
        "runbook_url": "https://git.example.com/HighResponseTime.md",
        "dashboard_url": "https://grafana.example.com/d/roster-agent?var-agent=brief-writer",
        "changes_url": "https://git.example.com/commits/agents/business/brief-writer.yaml",
    }
    times = {"startsAt": "2026-11-21T20:00:00+01:00", "endsAt": "2026-11-21T21:30:00+01:00"}
    alert = {"status": status, "labels": labels, "annotations": annotations, **times}
    return {
        "status": status,
        "alerts": [alert],
        "groupLabels": {"cause": "latency"},
        "commonLabels": labels,
        "commonAnnotations": annotations,
    }


def rendered(text: str, status: str, folder: Path) -> str:
    file = written({}, folder)
    (folder / "data.json").write_text(json.dumps(data(status)), "utf-8")
    kind = "html" if text in (call("roster.html"), TEMPLATES["roster.html"]) else "text"
    options = [f"--template.glob={file.parent}/*.tmpl", f"--template.text={text}", f"--template.type={kind}"]
    done = amtool("template", "render", *options, f"--template.data={folder}/data.json", home=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@needs_amtool
@pytest.mark.parametrize("name", ["roster.text", "roster.slack", "roster.html"])
def test_a_message_says_what_who_whose_since_when_and_where_to_go_on(name: str, tmp_path: Path) -> None:
    text = rendered(call(name), "firing", tmp_path)
    for part in (
        "Agent: business/brief-writer in prod",
        "Owner: growth",
        "Since: 2026-11-21 19:00 UTC",
        "https://git.example.com/HighResponseTime.md",
        "https://grafana.example.com/d/roster-agent?var-agent=brief-writer",
        "https://git.example.com/commits/agents/business/brief-writer.yaml",
    ):
        assert part in text
    escaped = "P95 of &lt;brief-writer&gt; &amp; Co. &gt; 10 s"
    assert ("P95 of <brief-writer> & Co. > 10 s" if name == "roster.text" else escaped) in text
    assert "over at 20:30" in rendered(call(name), "resolved", tmp_path)


@needs_amtool
def test_a_title_says_how_bad_it_is_what_and_where(tmp_path: Path) -> None:
    assert rendered(call("roster.title"), "firing", tmp_path) == "CRITICAL HighResponseTime: brief-writer (prod)"
    assert rendered(call("roster.title"), "resolved", tmp_path) == "RESOLVED HighResponseTime: brief-writer (prod)"


@needs_amtool
@pytest.mark.parametrize("name", TEMPLATES)
def test_a_message_reads_the_same_with_the_file_of_templates_and_without_it(name: str, tmp_path: Path) -> None:
    assert rendered(call(name), "firing", tmp_path) == rendered(INLINE[call(name)], "firing", tmp_path)


@needs_amtool
def test_the_config_map_holds_a_file_for_all_environments_of_its_cluster(tmp_path: Path) -> None:
    given = catalog(**{**ROUTING, "form": "file"})
    objects = {environment: routing_manifests(environment, given) for environment in ALL}
    maps = {environment: found[-1] for environment, found in objects.items()}
    assert [one["metadata"]["name"] for one in maps.values()] == [
        "roster-alertmanager-dev",
        "roster-alertmanager-staging",
        "roster-alertmanager",
    ]
    assert maps["dev"]["data"] == maps["staging"]["data"], "they share a cluster, and so an Alertmanager"
    for environment, one in maps.items():
        folder = tmp_path / environment
        folder.mkdir()
        for name, text in one["data"].items():
            (folder / name).write_text(text, "utf-8")
        done = amtool("check-config", folder / "alertmanager.yml", home=tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr
        read = yaml.safe_load(one["data"]["alertmanager.yml"])
        assert "dead-mans-switch-prod" in str(read) or environment != "prod"
        assert ("dead-mans-switch-prod" in str(read)) == (environment == "prod")


def named_files(value: Any) -> set[str]:
    """The paths of all secrets in a configuration."""
    if isinstance(value, dict):
        own = {item for name, item in value.items() if name.endswith("_file")}
        return own.union(*(named_files(item) for item in value.values()))
    return set().union(*map(named_files, value)) if isinstance(value, list) else set()


@pytest.mark.parametrize("slack", [ROUTING["slack"], WEBHOOK["slack"]], ids=["token", "webhook"])
def test_every_secret_is_a_file_that_the_external_secret_brings_from_the_environments_store(slack: Any) -> None:
    given: Catalog = catalog(form="file", slack=slack)
    account, store, secret, one = routing_manifests("prod", given)
    brought = {entry["secretKey"]: entry["remoteRef"] for entry in secret["spec"]["data"]}
    folder = "/etc/alertmanager/secrets/roster-alerting"
    assert named_files(yaml.safe_load(one["data"]["alertmanager.yml"])) == {f"{folder}/{key}" for key in brought}
    assert brought["pagerduty.growth"] == {"key": "prod/growth/pagerduty", "property": "integration-key"}
    assert secret["spec"]["secretStoreRef"]["name"] == store["metadata"]["name"]
    assert "template" not in secret["spec"]["target"]
    assert account["metadata"]["name"] in json.dumps(store["spec"])
    flat = routing_manifests("dev", given)[2]["spec"]["data"]
    assert {entry["remoteRef"]["key"] for entry in flat} >= {"dev--growth--pagerduty"}
