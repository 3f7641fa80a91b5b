"""Alertmanager's configuration from the catalog's teams: who is told of an alert, how, and when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from components.definition.load_catalog import Catalog
from components.definition.routing import Routing
from components.specs.monitoring.receivers import (
    DEAD_MANS_SWITCH,
    LOG,
    SLACK_KEY,
    SMTP_KEY,
    alive_urls,
    log_receivers,
    team_receivers,
)

TEMPLATES_FILE = "roster.tmpl"
WATCHDOG = "Watchdog"
# One notification for a fault of an agent, one for that of a pool, and not 500.
GROUP_BY = ["cluster", "environment", "namespace", "cause", "agent_id"]
# Each alert waits by itself: one that joins a group would otherwise be escalated with the group's next flush.
ESCALATED_BY = [*GROUP_BY, "alertname"]
_SAME_CAUSE = ["cluster", "environment", "namespace", "cause"]
_SAME_AGENT = ["cluster", "environment", "namespace", "agent_id"]
# What all alerts rely on, and the jobs that it is scraped as; names differ from cluster to cluster.
_ABSENT = (
    ("KubeStateMetricsAbsent", ".*kube-state-metrics.*"),
    ("CadvisorAbsent", ".*(kubelet|cadvisor).*"),
    ("ExternalSecretsAbsent", ".*external-secrets.*"),
)
# An alert never silences one that is more severe: a pool's warning leaves its agents' critical alerts alone.
INHIBIT_RULES: tuple[dict[str, Any], ...] = (
    {
        "source_matchers": ['scope="pool"', 'severity="critical"'],
        "target_matchers": ['scope="agent"'],
        "equal": _SAME_CAUSE,
    },
    {
        "source_matchers": ['scope="pool"', 'severity="warning"'],
        "target_matchers": ['scope="agent"', 'severity=~"warning|info"'],
        "equal": _SAME_CAUSE,
    },
    {
        "source_matchers": ['alertname="AgentDown"'],
        "target_matchers": ['scope="agent"', 'severity="warning"'],
        "equal": _SAME_AGENT,
    },
    # A budget that burns is what many errors do: whoever is woken by them need not be told twice.
    {
        "source_matchers": ['alertname="HighErrorRate"'],
        "target_matchers": ['alertname="AvailabilityBudgetBurn"'],
        "equal": _SAME_AGENT,
    },
    {
        # What authors wrote has one cause for all that it may mean.
        "source_matchers": ['scope="agent"', 'severity="critical"', 'cause!="own"'],
        "target_matchers": ['scope="agent"', 'severity="warning"'],
        "equal": [*_SAME_CAUSE, "agent_id"],
    },
    # That nothing is known says more than that some of its targets do not answer.
    *(
        {
            "source_matchers": [f'alertname="{absent}"'],
            "target_matchers": ['alertname="ScrapeFailing"', f'job=~"{job}"'],
            "equal": ["cluster", "environment"],
        }
        for absent, job in _ABSENT
    ),
)
_MINUTE = 60
_HOUR = 3600


def routing_of(catalog: Catalog) -> Routing | None:
    """The catalog's routing; None where it has none, or wants none."""
    routing = catalog.settings.monitoring.routing
    return None if routing is None or routing.form == "none" else routing


def alertmanager_config(catalog: Catalog, environments: Iterable[str], scale: float = 1.0) -> dict[str, Any]:
    """Alertmanager's configuration (from 0.25 on) for alerts of these environments, as its file has it.

    Secrets are paths below `routing.secrets_folder`. It names the file `roster.tmpl` (`messages.templates_file()`)
    beside it. Every duration is multiplied by `scale`, so that a test sees in seconds what takes minutes; durations are
    rounded to milliseconds. Raises ValueError where the catalog has no routing.
    """
    routing = routing_of(catalog)
    if routing is None:
        raise ValueError("the catalog's settings have no monitoring.routing")
    names = sorted(set(environments))
    teams = sorted(catalog.entries["teams"].items())
    receivers = [*log_receivers(routing, names)]
    for name, team in teams:
        receivers += team_receivers(name, team, routing)
    known = {one["name"] for one in receivers}
    return {
        "global": _global(routing),
        "templates": [TEMPLATES_FILE],
        "route": _Routes(
            routing, catalog.settings.monitoring.owner, names, [name for name, _ in teams], known, scale
        ).root(),
        "inhibit_rules": [dict(one) for one in INHIBIT_RULES],
        "receivers": receivers,
    }


def duration(seconds: float, scale: float = 1.0) -> str:
    """Seconds as Alertmanager writes them, in the largest unit that holds them whole; at least a millisecond."""
    left = max(1, round(seconds * 1000 * scale))
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if left % size == 0:
            return f"{left // size}{unit}"
    return f"{left}ms"


def _global(routing: Routing) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if routing.slack and routing.slack.kind == "webhook":
        found["slack_api_url_file"] = f"{routing.secrets_folder}/{SLACK_KEY}"
    elif routing.slack:
        found["slack_api_url"] = routing.slack.api
    if routing.smtp:
        found |= {
            "smtp_smarthost": routing.smtp.smarthost,
            "smtp_from": routing.smtp.sender,
            "smtp_require_tls": routing.smtp.require_tls,
        }
        if routing.smtp.username:
            found["smtp_auth_username"] = routing.smtp.username
        if routing.smtp.password:
            found["smtp_auth_password_file"] = f"{routing.secrets_folder}/{SMTP_KEY}"
    if routing.pagerduty_url:
        found["pagerduty_url"] = routing.pagerduty_url
    return found


@dataclass(frozen=True, slots=True)
class _Routes:
    """The tree of routes. What no route of a severity and a team takes goes to the platform team."""

    routing: Routing
    owner: str
    environments: list[str]
    teams: list[str]
    known: set[str]
    scale: float

    def root(self) -> dict[str, Any]:
        """The whole tree, in the order in which it is tried."""
        routing = self.routing
        fallback = f"{self.owner}-warning"
        silenced = [name for name in self.environments if name in routing.silenced]
        warning = routing.warning_minutes * _MINUTE
        critical = [route for team in self.teams for route in self._critical(team)]
        warnings = [
            {"matchers": [f'owner="{team}"'], "receiver": f"{team}-warning"}
            for team in self.teams
            if f"{team}-warning" in self.known
        ]
        log = self._times(1, 5 * _MINUTE, routing.repeat_hours.info * _HOUR)
        return {
            "receiver": fallback,
            "group_by": GROUP_BY,
            **self._times(warning, 5 * _MINUTE, routing.repeat_hours.warning * _HOUR),
            "routes": [
                *self._alive(),
                *({"matchers": [f'environment="{name}"'], "receiver": LOG, **log} for name in silenced),
                {"matchers": ['severity="info"'], "receiver": LOG, **log},
                {"matchers": ['severity="critical"'], **self._paged_for_nobody(fallback), "routes": critical},
                {"matchers": ['severity="warning"'], "receiver": fallback, "routes": warnings},
            ],
        }

    def _paged_for_nobody(self, fallback: str) -> dict[str, Any]:
        """A critical alert of no team wakes whoever answers for the platform, where they can be woken."""
        paged = f"{self.owner}-critical"
        if paged not in self.known:
            return {"receiver": fallback}
        repeat = self.routing.repeat_hours.critical * _HOUR
        return {"receiver": paged, **self._times(self.routing.page_seconds, _MINUTE, repeat)}

    def _alive(self) -> list[dict[str, Any]]:
        """Signs of life, where someone waits for them; all others are recorded."""
        times = self._times(1, 30, _MINUTE)
        matchers = [f'alertname="{WATCHDOG}"']
        found = []
        for receiver in sorted(alive_urls(self.routing, self.environments)):
            environment = receiver.removeprefix(DEAD_MANS_SWITCH).removeprefix("-")
            its = [*matchers, f'environment="{environment}"'] if environment else matchers
            found.append({"matchers": its, "receiver": receiver, **times})
        return [*found, {"matchers": matchers, "receiver": LOG}]

    def _critical(self, team: str) -> list[dict[str, Any]]:
        """The team at once, then whoever it has to escalate to, one after the other."""
        minutes, repeat = self.routing.escalation_minutes, self.routing.repeat_hours.critical * _HOUR
        steps = [one for one in (f"{team}-manager", f"{team}-oncall") if one in self.known]
        paged = f"{team}-critical"
        found: list[dict[str, Any]] = []
        if paged in self.known:
            found.append({"receiver": paged, **self._times(self.routing.page_seconds, _MINUTE, repeat)})
        for number, step in enumerate(steps, 1):
            times = self._times(number * minutes * _MINUTE, 5 * _MINUTE, repeat)
            found.append({"receiver": step, "group_by": ESCALATED_BY, **times})
        return [
            {"matchers": [f'owner="{team}"'], **route, **({"continue": True} if route is not found[-1] else {})}
            for route in found
        ]

    def _times(self, wait: float, interval: float, repeat: float) -> dict[str, str]:
        return {
            "group_wait": duration(wait, self.scale),
            "group_interval": duration(interval, self.scale),
            "repeat_interval": duration(repeat, self.scale),
        }
