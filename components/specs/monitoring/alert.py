"""What an alert is: its expression, how long it must hold, what it says, and the page that helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["critical", "warning", "info"]
# Who an alert is about. Alerts of a pool silence those of its agents that have the same cause.
Scope = Literal["agent", "pool", "platform"]
# starting: pods that do not come up; usage: an agent near its own limits; capacity: the pool or cluster near its end;
# limits: callers' limits and budgets.
Cause = Literal[
    "availability",
    "errors",
    "latency",
    "starting",
    "usage",
    "limits",
    "capacity",
    "spending",
    "delivery",
    "secrets",
    "security",
    "monitoring",
]


@dataclass(frozen=True, slots=True)
class Step:
    """Something to do: a sentence, and the command that does it where there is one.

    In a command <agent>, <namespace>, <pool> and <environment> stand for those of the alert.
    """

    text: str
    command: str = ""


def query(text: str, expression: str) -> Step:
    """A look at what Prometheus has; the expression has no single quotes. <url>: where Prometheus is."""
    return Step(text, f"promtool query instant <url> '{expression}'")


@dataclass(frozen=True, slots=True)
class Runbook:
    """What whoever is woken reads: what it means, what it does to users, where to look, what to do."""

    meaning: str
    impact: str
    look: tuple[Step, ...]
    act: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert rule for all agents of a pool, for a pool, or for the platform of an environment.

    `expression` is PromQL in which <where> stands for the matchers of whom it covers (a pool's namespace, and the agent
    where it is one agent's own; for the platform the namespaces of the environment) and <limit> for the threshold.
    An agent's series has the labels namespace and agent_id and no other that could change while the alert is active.
    `threshold` names a field of the catalog's `alerts`, or of `monitoring.thresholds`; empty when there is none. A
    threshold in minutes (its name ends in _minutes) is how long the expression must hold, in place of `minutes`.
    `floor` names a second one, <floor> in the expression: what is below it is not worth an alert, whatever its share.
    An alert of the platform may also have <namespaces> (a regular expression of them), <environment>, <gateway> (the
    gateway's namespace), <images> and <severities> (see `platform_values`); one with <job> is made once a database.
    `group`: objectives where it is evaluated every five minutes, beside the series that `objectives` records.
    `keep_minutes`: how long it stays active once the expression is false, so that a gap in the data does not end it.
    `summary` and `description` are Prometheus' templates.
    """

    name: str
    scope: Scope
    cause: Cause
    severity: Severity
    expression: str
    minutes: int
    summary: str
    runbook: Runbook
    threshold: str = ""
    floor: str = ""
    description: str = ""
    keep_minutes: int = 0
    dashboard: str = "agent"
    group: Literal["", "objectives"] = ""
    # Made only where the catalog says that there is one: its absence is what the alert would tell of.
    needs: Literal["", "pushgateway"] = ""

    @property
    def limits(self) -> frozenset[str]:
        """The names of its threshold and floor."""
        return frozenset({self.threshold, self.floor} - {""})
