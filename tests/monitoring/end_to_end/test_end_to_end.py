"""From a fault to the one who is woken: real agents' metrics, Prometheus, Alertmanager, and receivers that write down.

A minute of the product is a second here (durations.py). What happens is played once (played.py); each test judges one
thing that somebody would notice. Times are those of the product, in minutes.
"""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
from durations import FACTOR
from played import ATTACKED, CHATS, ERRS, HASTY, LENT, OVER, PLATFORM, POOL, SLOW, STOPS, Notice, Record

pytestmark = pytest.mark.xdist_group("monitoring end to end")

# How late something may be besides what the product waits for: scrapes and evaluations of a second each, which are not
# scaled, and a machine that does other things too. Seconds, and so minutes of the product.
LATE = 6.0
GROWTH = {"pagerduty.growth", "#critical", "#growth-alerts", "growth@example.com"}
SUPPORT = {"pagerduty.support", "#critical", "#support-alerts", "support@example.com"}
COMMUNITY = {"#critical", "#community-alerts", "community@example.com"}
DUTY = {"pagerduty.platform", "#critical", "#platform-alerts", "platform@example.com"}
WARNED = {"#alerts", "#growth-alerts", "growth@example.com"}
# Alert and whom it is about → who is told at once, and how many minutes after the fault at the earliest.
PAGES = {
    ("AgentDown", STOPS): (GROWTH, 2),
    ("AgentDown", CHATS): (COMMUNITY, 2),
    ("HighErrorRate", ERRS): (GROWTH, 5),
    ("HighErrorRate", LENT): (SUPPORT, 5),
    ("PoolDown", POOL): (SUPPORT, 1),
    ("LatencyBudgetBurn", SLOW): (GROWTH, 10),
}
# A warning must have lasted before it is one, and then waits for others.
WARNINGS = {("HighResponseTime", SLOW): 10, ("HighResponseTime", HASTY): 10}
# Of one agent and one cause, so they come as one notification, which names what the alerts have in common.
OF_THE_ATTACK = {(alert, ATTACKED) for alert in ("UnauthorizedBurst", "SafetyFindings", "security")}
# What the blind spell brings.
OF_THE_WATCHERS = {("KubeStateMetricsAbsent", PLATFORM), ("ScrapeFailing", PLATFORM)}
ESCALATED = {*(f"head-of-{team}@example.com" for team in ("growth", "support", "community", "platform"))}
ESCALATED |= {"oncall.growth", "duty@example.com"}


def minutes(record: Record, at: float, since: str = "faults") -> float:
    """Minutes of the product from a moment of the play."""
    return (at - record.moments[since]) * FACTOR / 60


def before_recovery(record: Record) -> list[Notice]:
    """What people got while the faults lasted."""
    return [one for one in record.notices if one.at < record.moments["recovered"]]


def test_all_that_was_waited_for_came(record: Record) -> None:
    assert record.failures == []


@pytest.mark.parametrize(("alert", "where"), PAGES)
def test_a_page_reaches_everyone_who_answers_for_the_agent_in_time(record: Record, alert: str, where: str) -> None:
    wanted, earliest = PAGES[alert, where]
    told = [one for one in record.of(alert, where) if one.to not in ESCALATED]
    assert {one.to for one in told} == wanted
    for one in {one.to: one for one in reversed(told)}.values():
        assert earliest <= minutes(record, one.at) <= earliest + LATE + 5, f"{one.to} was told at {one.at}"


@pytest.mark.parametrize(("alert", "where"), WARNINGS)
def test_a_warning_reaches_the_team_and_pages_nobody(record: Record, alert: str, where: str) -> None:
    told = record.of(alert, where)
    assert {one.to for one in told} == WARNED
    earliest = WARNINGS[alert, where]
    assert all(earliest <= minutes(record, one.at) <= earliest + LATE + 5 for one in told)


def test_what_is_only_worth_knowing_is_recorded_and_tells_nobody(record: Record) -> None:
    logged = [alert["labels"] for one in record.logged for alert in one["alerts"]]
    assert "attacked" in {one.get("agent_id") for one in logged if one["alertname"] == "RateLimitHits"}
    assert [one for one in record.notices if one.alert == "RateLimitHits"] == []


def test_an_attack_warns_the_team_and_pages_nobody(record: Record) -> None:
    told = [one for one in record.notices if (one.alert, one.where) in OF_THE_ATTACK]
    assert {one.to for one in told} == WARNED


def test_everyone_is_told_once_of_each_fault(record: Record) -> None:
    told = [one for one in before_recovery(record) if one.severity != "RESOLVED"]
    counts = Counter((one.alert, one.where, one.by, one.to) for one in told)
    assert {key: count for key, count in counts.items() if count > 1} == {}


def test_nobody_is_told_of_anything_else(record: Record) -> None:
    """Not of agents that are called wrongly or allow themselves more, nor of single agents of a pool that is down."""
    told = {(one.alert, one.where) for one in record.notices}
    assert told - OF_THE_WATCHERS - OF_THE_ATTACK == {*PAGES, *WARNINGS}


def test_an_alert_holds_as_long_as_its_rule_says_before_it_fires(record: Record) -> None:
    held = (("AgentDown", "stops", 2), ("HighErrorRate", "errs", 5), ("HighResponseTime", "slow", 5))
    for alert, agent, wanted in held:
        labels = {"agent_id": agent, "namespace": "business"}
        [pending], [firing] = (record.began(alert, state, **labels) for state in ("pending", "firing"))
        assert wanted <= (firing - pending) * FACTOR / 60 <= wanted + 2, alert


def test_a_page_says_what_whose_and_where_to_go_on(record: Record) -> None:
    for (alert, where), (wanted, _) in PAGES.items():
        owner = next(name for name in ("growth", "support", "community") if any(f"{name}" in one for one in wanted))
        for one in record.of(alert, where):
            if one.by == "email":
                assert f"docs/runbooks/{alert}.md" in one.text
                assert "https://grafana.example.com/d/roster-" in one.text
                assert f"Owner: {owner}" in one.text
    [page] = record.of("HighErrorRate", ERRS, "pagerduty", "pagerduty.growth")
    links = {one["text"]: one["href"] for one in page.body["links"]}
    assert links == {
        "Runbook": "https://git.example.com/platform/roster/docs/runbooks/HighErrorRate.md",
        "Dashboard": "https://grafana.example.com/d/roster-agent?var-namespace=business&var-agent=errs",
        "Changes": "https://git.example.com/platform/roster/commits/main/agents/business/errs.yaml",
    }
    assert page.body["payload"]["severity"] == "critical"
    # Half of them do; what a window of five looks holds of it differs with when they were.
    said = re.search(r"errs fails (\d+) % of its requests", page.text)
    assert said
    assert 35 <= int(said[1]) <= 65


def test_a_page_that_nobody_acknowledges_goes_to_the_manager_and_then_to_on_call(record: Record) -> None:
    [manager] = record.of("HighErrorRate", ERRS, to="head-of-growth@example.com")
    [on_call] = record.of("HighErrorRate", ERRS, to="oncall.growth")
    [firing] = record.began("HighErrorRate", "firing", agent_id="errs")
    assert 15 <= (manager.at - firing) * FACTOR / 60 <= 15 + LATE
    assert 30 <= (on_call.at - firing) * FACTOR / 60 <= 30 + LATE


def test_a_page_that_was_acknowledged_goes_no_further(record: Record) -> None:
    told = [one for one in record.notices if (one.alert, one.where) == ("AgentDown", STOPS)]
    assert {one.to for one in told} == GROWTH
    assert minutes(record, record.moments["recovered"], "acknowledged") > 30 + LATE


def test_an_environment_that_is_silenced_is_recorded_and_tells_nobody(record: Record) -> None:
    assert [one for one in record.notices if one.where.endswith("(dev)")] == []
    logged = [label for one in record.logged for label in (alert["labels"] for alert in one["alerts"])]
    assert ("AgentDown", "dev") in {(one["alertname"], one["environment"]) for one in logged}


def test_who_silenced_a_page_is_not_told_that_it_is_over(record: Record) -> None:
    assert record.resolved("AgentDown", STOPS) == []


@pytest.mark.parametrize(("alert", "where"), OVER)
def test_when_a_fault_ends_those_who_were_told_of_it_are_told(record: Record, alert: str, where: str) -> None:
    over = [one for one in record.resolved(alert, where) if one.at > record.moments["recovered"]]
    told = {one.to for one in record.of(alert, where) if one.to not in ESCALATED}
    assert {one.to for one in over if one.to not in ESCALATED} == told


def test_the_sign_of_life_comes_steadily(record: Record) -> None:
    for environment in ("dev", "prod"):
        came = record.alive[environment]
        gaps = [after - before for before, after in itertools.pairwise(came)]
        assert max(gaps) * FACTOR / 60 <= 1 + LATE
        assert record.moments["end"] - came[-1] <= 1 + LATE


def test_without_kube_state_metrics_somebody_is_told_and_no_page_changes(record: Record) -> None:
    told = record.of("KubeStateMetricsAbsent", PLATFORM)
    assert {one.to for one in told} == DUTY
    # Ten minutes without a sample, the last of which may be a minute old, and five that it must last.
    assert all(14 <= minutes(record, one.at, "blind") <= 15 + LATE for one in told)
    blind = record.moments["blind"]
    over = [one for one in before_recovery(record) if blind < one.at and one.severity == "RESOLVED"]
    assert {(one.alert, one.where) for one in over} <= OF_THE_WATCHERS
    owners = {one["metric"]["owner"] for one in record.alerts if one["metric"].get("agent_id") == "lent"}
    assert owners == {"support"}


# Dashboard / panel / ref → why it may have nothing to show here.
_HOURS = "looks back for hours or days in steps of an hour, of which the test has one or none"
_WELL = "shows what is wrong, and nothing of the kind is"
EMPTY = {
    "overview / Cost of a month / A": _HOURS,
    "agent / Error budget left / A": _HOURS,
    "agent / Budgets left / A": _HOURS,
    "agent / Budgets left / B": _HOURS,
    "cost / Against last week / A": _HOURS,
    "cost / Cost of a month / A": _HOURS,
    "cost / Against the week before / B": _HOURS,
    "agent / Restarts and waiting pods / B": _WELL,
    "security / Critical in images / A": _WELL,
    "security / High in images / A": _WELL,
    "security / Secrets not synced, by agent / A": _WELL,
    "security / Pods refused, by agent / A": _WELL,
    "deployments / Stacks not applied / A": _WELL,
}


def test_every_panel_shows_something(record: Record) -> None:
    empty = {name for name, count in record.panels.items() if count < 1}
    assert sorted(empty - EMPTY.keys()) == [], "without data"
    assert len(record.panels) > 50


def test_each_excuse_is_of_a_panel_that_there_is(record: Record) -> None:
    assert sorted(EMPTY.keys() - record.panels.keys()) == []


def test_prometheus_refuses_no_query_of_a_dashboard(record: Record) -> None:
    assert [name for name, count in record.panels.items() if count < 0] == []
