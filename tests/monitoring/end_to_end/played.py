"""What happens in the end-to-end test, played once and written down: faults, pages, a blind spell, recovery.

All faults begin at the same moment, in agents of their own, so that the test takes as long as the longest of them. The
tests judge what was written down. Nothing here fails because an alert does not come: the tests say so, each of its own.
"""

from __future__ import annotations

import functools
import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import panels
import receivers
import small_world
import world
from receivers import Receivers
from world import World, wait

_TITLE = re.compile(r"^(?P<severity>[A-Z]+) (?P<what>[^:]+): (?P<where>.+)$")
# The longest that a phase is waited for, in seconds: several times what it takes on a quiet machine.
PATIENCE = 45.0
# A minute is a second here.
BLIND_MINUTES = 20
STOPPED = ("stops", "chats", *small_world.SUPPORT)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notification as a person gets it. `to`: a channel, an address, or a key of PagerDuty's.

    `where` names the agent and its namespace, the pool, or the platform, with the environment; `alert` is its name.
    """

    at: float
    by: str
    to: str
    severity: str
    alert: str
    where: str
    text: str
    body: dict[str, Any]


@dataclass(slots=True)
class Record:
    """Moments by name, all that was received, and every sample of Prometheus' own series ALERTS."""

    moments: dict[str, float] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    logged: list[dict[str, Any]] = field(default_factory=list)
    alive: dict[str, list[float]] = field(default_factory=dict)
    alerts: list[dict[str, Any]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    # "dashboard / panel / ref" → how many series its query gave; -1 where Prometheus refused it.
    panels: dict[str, int] = field(default_factory=dict)

    def of(self, alert: str, where: str, by: str = "", to: str = "") -> list[Notice]:
        """Notifications of an alert that fires."""
        return [
            one
            for one in self.notices
            if (one.alert, one.where) == (alert, where)
            and one.severity != "RESOLVED"
            and by in ("", one.by)
            and to in ("", one.to)
        ]

    def resolved(self, alert: str, where: str) -> list[Notice]:
        """Notifications that it is over."""
        return [one for one in self.notices if (one.alert, one.where, one.severity) == (alert, where, "RESOLVED")]

    def began(self, alert: str, state: str, **labels: str) -> list[float]:
        """When the alert was first seen in this state, an entry for each series of it."""
        wanted = {"alertname": alert, "alertstate": state, **labels}
        return [one["values"][0][0] for one in self.alerts if all(one["metric"].get(k) == v for k, v in wanted.items())]

    def write(self, path: Path) -> None:
        """As a file, for other processes."""
        path.write_text(json.dumps(asdict(self)), "utf-8")

    @classmethod
    def read(cls, path: Path) -> Record:
        """What `write` wrote."""
        given = json.loads(path.read_text("utf-8"))
        return cls(**given | {"notices": [Notice(**one) for one in given["notices"]]})


def notices(taken: Receivers) -> list[Notice]:
    """What people got so far."""
    found = []
    for one in list(taken.received):
        body = one.body
        match one.kind:
            case "pagerduty":
                to, title = body["routing_key"], body.get("payload", {}).get("summary", "")
                text = json.dumps(body.get("payload"))
                if body["event_action"] == "resolve":
                    title = f"RESOLVED {_part(title, 'what')}: {_part(title, 'where')}"
            case "slack":
                [attachment] = body["attachments"]
                to, title, text = body["channel"], attachment["title"], attachment["text"]
            case "email":
                [to], title, text = body["to"], body["subject"], body["text"]
            case _:
                continue
        severity, what, where = (_part(title, name) for name in ("severity", "what", "where"))
        found.append(Notice(one.at, one.kind, to, severity, what, where, text, body))
    return found


def _part(title: str, name: str) -> str:
    match = _TITLE.match(title)
    return match[name] if match else title


class Play:
    """The course of events."""

    def __init__(self, on: World) -> None:
        self.world = on
        self.record = Record()

    def moment(self, name: str) -> None:
        """Writes down when something was done."""
        self.record.moments[name] = time.time()

    def until(self, what: str, true: Callable[[], Any], seconds: float = PATIENCE) -> None:
        """Waits; that it did not come is written down, and the play goes on."""
        if not wait(true, seconds):
            self.record.failures.append(f"in {seconds:g} s it never came that {what}")

    def value(self, expression: str) -> float:
        """The value of an expression that gives one; 0 when it gives none."""
        found = self.world.query(expression)
        return float(found[0]["value"][1]) if found else 0.0

    def told(self, by: str, to: str, alert: str, where: str, severity: str = "") -> bool:
        """Whether somebody was told of it."""
        return any(
            (one.by, one.to, one.alert, one.where) == (by, to, alert, where) and severity in ("", one.severity)
            for one in notices(self.world.receivers)
        )

    def run(self) -> Record:
        """All of it."""
        agents = len({one.name + one.namespace for one in self.world.cluster.workloads})
        seen = "count(roster:agent:seen offset 6m)"
        self.until("all agents were seen for six minutes", lambda: self.value(seen) == agents)
        self.begin()
        self.page()
        self.blind()
        self.escalate()
        self.recover()
        record = self.record
        record.notices = notices(self.world.receivers)
        for one in self.world.receivers.received:
            if one.kind == "log":
                record.logged.append({"at": one.at, **one.body})
            if one.kind.startswith("alive-"):
                record.alive.setdefault(one.kind.removeprefix("alive-"), []).append(one.at)
        record.alerts = self.world.query("ALERTS[36000m]")
        self.moment("end")
        return record

    def begin(self) -> None:
        """All faults at once."""
        cluster = self.world.cluster
        self.moment("faults")
        for agent in STOPPED:
            cluster.stop(agent)
        for agent in ("errs", "lent"):
            cluster.traffic(agent, failed=0.5)
        cluster.traffic("misused", failed=0.5, codes=("INVALID_REQUEST",))
        cluster.traffic("attacked", failed=0.5, codes=("UNAUTHORIZED", "RATE_LIMIT_EXCEEDED", "CONTENT_BLOCKED"))
        cluster.traffic("patient", seconds=14)
        cluster.traffic("slow", seconds=14)
        cluster.traffic("hasty", seconds=4)

    def page(self) -> None:
        """Until the pages and warnings are there; one of them is acknowledged as soon as it comes."""
        paged = ("pagerduty", "pagerduty.growth")
        self.until("AgentDown of stops is paged", lambda: self.told(*paged, "AgentDown", STOPS))
        self.moment("acknowledged")
        self.world.silence(120, alertname="AgentDown", agent_id="stops", namespace="business")
        self.until("errs is paged", lambda: self.told(*paged, "HighErrorRate", ERRS))
        self.until("slow is told", lambda: self.told("slack", "#alerts", "HighResponseTime", SLOW))
        self.until("hasty is told", lambda: self.told("slack", "#alerts", "HighResponseTime", HASTY))
        self.until("lent is paged", lambda: self.told("pagerduty", "pagerduty.support", "HighErrorRate", LENT))
        self.until("slow is paged", lambda: self.told(*paged, "LatencyBudgetBurn", SLOW))
        self.moment("paged")
        self.record.panels = panels.answered(self.world)

    def blind(self) -> None:
        """kube-state-metrics goes away until somebody is told, and comes back."""
        self.moment("blind")
        self.world.cluster.exporters["kube-state-metrics"] = False
        absent = ("pagerduty", "pagerduty.platform", "KubeStateMetricsAbsent", PLATFORM)
        self.until("somebody is told that kube-state-metrics is gone", lambda: self.told(*absent))
        # Longer than anything looks back for who owns an agent.
        self.until("twenty minutes passed", lambda: time.time() - self.record.moments["blind"] > BLIND_MINUTES)
        self.world.cluster.exporters["kube-state-metrics"] = True
        self.moment("seeing")
        gone = (*absent, "RESOLVED")
        self.until("it is told that kube-state-metrics is back", lambda: self.told(*gone))

    def escalate(self) -> None:
        """Nobody does anything about errs."""
        self.until("errs goes to on-call", lambda: self.told("pagerduty", "oncall.growth", "HighErrorRate", ERRS))
        # When the page that was acknowledged would have reached on-call, too.
        self.until("38 minutes passed", lambda: time.time() - self.record.moments["acknowledged"] > 38)
        self.moment("escalated")

    def recover(self) -> None:
        """Everything runs again."""
        cluster = self.world.cluster
        self.moment("recovered")
        for agent in STOPPED:
            cluster.restart(agent)
        for agent in ("errs", "lent", "misused", "attacked", "patient", "slow", "hasty"):
            cluster.traffic(agent)
        for alert, where in OVER:
            self.until(f"{alert} of {where} is over", functools.partial(self.over, alert, where))

    def over(self, alert: str, where: str) -> bool:
        """Whether everyone who was told of it was told that it is over."""
        found = [one for one in notices(self.world.receivers) if (one.alert, one.where) == (alert, where)]
        fired = {one.to for one in found if one.severity != "RESOLVED"}
        recovered = self.record.moments["recovered"]
        return fired <= {one.to for one in found if one.severity == "RESOLVED" and one.at > recovered}


# As titles name them.
STOPS, ERRS, SLOW, HASTY = (f"{name} (prod)" for name in ("stops", "errs", "slow", "hasty"))
LENT, CHATS, ATTACKED = "lent (prod)", "chats (prod)", "attacked (prod)"
POOL, PLATFORM = "support (prod)", "platform (prod)"
# What ends with the faults; who acknowledged is not told, and budgets burn on for hours.
OVER = (
    ("AgentDown", CHATS),
    ("PoolDown", POOL),
    *(("HighErrorRate", where) for where in (ERRS, LENT)),
    *(("HighResponseTime", where) for where in (SLOW, HASTY)),
)


def play(folder: Path) -> Record:
    """Plays it in this folder, which is empty."""
    with receivers.listening() as taken:
        fleet = small_world.opened(folder, taken)
        objects = small_world.rendered(fleet)
        with world.running(folder, objects, {"calm": 2}, small_world.routing(folder, fleet), taken) as on:
            return Play(on).run()
