"""Alertmanager's receivers: for each team how it is paged, warned and escalated to."""

from __future__ import annotations

from typing import Any

from components.definition.catalog import Team
from components.definition.routing import Routing
from components.specs.monitoring.messages import LINKS, call, link

LOG = "log"
DEAD_MANS_SWITCH = "dead-mans-switch"
SLACK_KEY = "slack"
SMTP_KEY = "smtp-password"


def pagerduty_key(team: str) -> str:
    """The key of the Secret that holds a team's integration key."""
    return f"pagerduty.{team}"


def oncall_key(team: str) -> str:
    """The key of the Secret that holds the integration key of those on call for a team."""
    return f"oncall.{team}"


def is_reference(contact: str) -> bool:
    """Whether a contact is a reference to a key; it is a mail address otherwise."""
    return "@" not in contact


def log_receivers(routing: Routing, environments: list[str]) -> list[dict[str, Any]]:
    """What records, and what waits for a sign of life."""
    found = [_receiver(LOG, webhook_configs=[{"url": routing.log, "send_resolved": True}])]
    for name, url in sorted(alive_urls(routing, environments).items()):
        found.append(_receiver(name, webhook_configs=[{"url": url, "send_resolved": False}]))
    return found


def alive_urls(routing: Routing, environments: list[str]) -> dict[str, str]:
    """Receiver of signs of life → its address. One an environment where the address names it: they die apart."""
    url = routing.dead_mans_switch
    if not url:
        return {}
    if "{environment}" not in url:
        return {DEAD_MANS_SWITCH: url}
    return {f"{DEAD_MANS_SWITCH}-{name}": url.replace("{environment}", name) for name in environments}


def team_receivers(name: str, team: Team, routing: Routing) -> list[dict[str, Any]]:
    """The receivers NAME-critical, NAME-manager, NAME-oncall and NAME-warning, but none that reaches nobody."""
    page = [_pagerduty(pagerduty_key(name), routing)] if team.pagerduty else []
    mail = _mail(team.email, routing)
    slack = routing.slack
    found = [
        _receiver(
            f"{name}-critical",
            pagerduty_configs=page,
            email_configs=mail,
            slack_configs=_slack(routing, slack.critical if slack else None, team.slack),
        ),
        _receiver(f"{name}-manager", email_configs=_mail(team.manager, routing)),
        _on_call(name, team, routing),
        _receiver(
            f"{name}-warning",
            email_configs=mail,
            slack_configs=_slack(routing, slack.warning if slack else None, team.slack),
        ),
    ]
    return [one for one in found if len(one) > 1]


def _on_call(name: str, team: Team, routing: Routing) -> dict[str, Any]:
    if team.oncall and is_reference(team.oncall):
        return _receiver(f"{name}-oncall", pagerduty_configs=[_pagerduty(oncall_key(name), routing)])
    return _receiver(f"{name}-oncall", email_configs=_mail(team.oncall, routing))


def _receiver(name: str, **configs: list[dict[str, Any]]) -> dict[str, Any]:
    return {"name": name, **{kind: some for kind, some in configs.items() if some}}


def _mail(address: str | None, routing: Routing) -> list[dict[str, Any]]:
    if not address or not routing.smtp:
        return []
    return [
        {
            "to": address,
            "send_resolved": True,
            "headers": {"Subject": call("roster.title")},
            "html": call("roster.html"),
        }
    ]


def _slack(routing: Routing, *channels: str | None) -> list[dict[str, Any]]:
    """A message to each channel; to one that is named twice just one."""
    if not routing.slack:
        return []
    found = []
    for channel in dict.fromkeys(one for one in channels if one):
        message: dict[str, Any] = {
            "channel": channel,
            "send_resolved": True,
            "color": call("roster.color"),
            "title": call("roster.title"),
            "title_link": link("dashboard_url"),
            "text": call("roster.slack"),
            "fallback": call("roster.title"),
        }
        if routing.slack.kind == "token":
            # For each message, not for all receivers: else webhooks would be sent the token too.
            credentials = {"type": "Bearer", "credentials_file": f"{routing.secrets_folder}/{SLACK_KEY}"}
            message["http_config"] = {"authorization": credentials}
        found.append(message)
    return found


def _pagerduty(key: str, routing: Routing) -> dict[str, Any]:
    """A page. Alertmanager makes the key by which PagerDuty tells incidents apart from the group of alerts."""
    return {
        "routing_key_file": f"{routing.secrets_folder}/{key}",
        "send_resolved": True,
        "description": call("roster.title"),
        "severity": "critical",
        "class": "{{ .CommonLabels.cause }}",
        "component": '{{ or .CommonLabels.agent_id .CommonLabels.pool "platform" }}',
        "group": '{{ .CommonLabels.environment }}/{{ or .CommonLabels.namespace "platform" }}',
        "client": "Alertmanager",
        "client_url": link("dashboard_url"),
        "details": {"firing": call("roster.text"), "resolved": "{{ len .Alerts.Resolved }}"},
        "links": [{"href": link(name), "text": text} for name, text in LINKS.items()],
    }
