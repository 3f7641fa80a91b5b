"""What must hold of `monitoring.routing`: every team can be reached, every name is one of the catalog."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from components.definition.catalog import Team
from components.definition.findings import Finding, nearest, one_of
from components.definition.load_catalog import Catalog
from components.definition.routing import Routing

Report = Iterator[Finding]
_AT = ("monitoring", "routing")


def routing_findings(catalog: Catalog) -> Iterator[Finding]:
    """What is wrong with the routing and with how teams are reached; a note where there is no routing at all."""
    routing = catalog.settings.monitoring.routing
    document = catalog.documents["settings"]
    if routing is None:
        message = "nobody is told of an alert: monitoring.routing is missing; `{form: none}` says that this is meant"
        at = ("monitoring",) if "monitoring" in document.value else ()
        yield replace(document.finding(at, "no-routing", message), severity="warning")
    elif routing.form != "none":
        for rule in _RULES:
            yield from rule(catalog, routing)


def _log(catalog: Catalog, routing: Routing) -> Report:
    if routing.log is None:
        message = "monitoring.routing.log is missing; it must be given: what nobody is told of is recorded there"
        yield catalog.documents["settings"].finding(_AT, "missing-key", message)


def _fallback(catalog: Catalog, routing: Routing) -> Report:
    owner = catalog.settings.monitoring.owner
    if not _warned(catalog.entries["teams"][owner], routing):
        message = (
            f"{owner}: gets the alerts that no team owns, and needs email (with monitoring.routing.smtp) "
            "or slack (with monitoring.routing.slack)"
        )
        yield catalog.documents["teams"].finding((owner,), "team-unreachable", message, key=True)


def _reachable(catalog: Catalog, routing: Routing) -> Report:
    document = catalog.documents["teams"]
    for name, team in catalog.entries["teams"].items():
        if name != catalog.settings.monitoring.owner and not (_warned(team, routing) or team.pagerduty):
            given = [f"{field} needs monitoring.routing.{by}" for field, by in _WAYS.items() if getattr(team, field)]
            message = f"{name}: nobody can be told of its alerts; give it email, slack or pagerduty"
            message += f" ({' and '.join(given)})" if given else ""
            yield document.finding((name,), "team-unreachable", message, key=True)
        for field in ("manager", "oncall"):
            contact = getattr(team, field)
            if contact and "@" in contact and not routing.smtp:
                message = f"{name}.{field}: mail is sent with monitoring.routing.smtp only, which is missing"
                yield document.finding((name, field), "team-unreachable", message)


def _silenced(catalog: Catalog, routing: Routing) -> Report:
    document = catalog.documents["settings"]
    for index, name in enumerate(routing.silenced):
        at = (*_AT, "silenced", index)
        if name not in catalog.environments:
            hint = nearest(name, catalog.environments) or f" There is: {one_of(catalog.environments)}."
            yield document.finding(at, "unknown-environment", f"no environment {name!r}.{hint}")
        if name in routing.silenced[:index]:
            yield document.finding(
                at, "duplicate-value", f"monitoring.routing.silenced: {name!r} stands here a second time"
            )


def _times(catalog: Catalog, routing: Routing) -> Report:
    if routing.escalation_minutes * 60 <= routing.page_seconds:
        message = (
            f"monitoring.routing.escalation_minutes: {routing.escalation_minutes} is not after the "
            f"{routing.page_seconds} seconds of page_seconds; "
            "the manager would be told before the team"
        )
        yield catalog.documents["settings"].finding((*_AT, "escalation_minutes"), "escalated-too-early", message)


def _password(catalog: Catalog, routing: Routing) -> Report:
    smtp = routing.smtp
    if smtp and bool(smtp.username) != bool(smtp.password):
        message = "monitoring.routing.smtp: username and password are given together, or neither"
        yield catalog.documents["settings"].finding((*_AT, "smtp"), "either-or", message)


# How a team is reached → what the platform must have for it.
_WAYS = {"email": "smtp", "slack": "slack"}


def _warned(team: Team, routing: Routing) -> bool:
    """Whether a warning reaches the team."""
    return any(getattr(team, field) and getattr(routing, by) for field, by in _WAYS.items())


_RULES: tuple[Callable[[Any, Any], Report], ...] = (_log, _fallback, _reachable, _silenced, _times, _password)
