"""What `roster status` knows of each agent in each place: cluster and Prometheus put together, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ci.cluster.observed import Key, Observed
from ci.deploy.report import moment
from ci.live.figures import NONE, Figures, Measured
from ci.live.places import Agent, Place, undefined
from ci.live.workloads import ABSENT, UNKNOWN, Workload, workload

VERSION = 1


@dataclass(frozen=True, slots=True)
class Looked:
    """What came of looking at a place. `seen` is None when the cluster could not be asked; `fault` says why then.

    `kind` is the ClusterError's. `measured` is None without a Prometheus.
    """

    place: Place
    seen: Mapping[Key, Observed] | None
    measured: Measured | None
    fault: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One agent in one place."""

    agent: Agent
    workload: Workload
    figures: Figures

    @property
    def attention(self) -> bool:
        """Whether somebody should look at it."""
        return (
            self.workload.attention
            or not self.agent.defined
            or any(one.severity in ("critical", "warning") for one in self.figures.firing)
        )

    @property
    def why(self) -> str:
        """Why it is not as it should be, in a line; empty when it is."""
        if self.agent.defined:
            return self.workload.why
        return "; ".join(filter(None, ["in the cluster, but not defined here", self.workload.why]))

    @property
    def changed(self) -> datetime | None:
        """The last change: when it was applied, or else when its pods' ReplicaSet was made."""
        if self.figures.applied or not self.workload.changed:
            return self.figures.applied
        return datetime.fromisoformat(self.workload.changed).astimezone(UTC)

    @property
    def image(self) -> str:
        """The image's digest in short, or its tag."""
        repository, at, digest = self.workload.image.partition("@sha256:")
        return digest[:12] if at else repository.rpartition("/")[2].partition(":")[2]


def rows(looked: Iterable[Looked], agents: Iterable[Agent], others: bool, now: datetime) -> list[Row]:
    """The agents in each place that was looked at; with `others` also those in a cluster that no file puts there."""
    by_place: dict[Place, list[Agent]] = {}
    for agent in agents:
        by_place.setdefault(agent.place, []).append(agent)
    found = []
    for one in looked:
        known = by_place.get(one.place, [])
        if others:
            known = [*known, *_undefined(one, known)]
        found += [_row(agent, one, now) for agent in known if agent.expected or _is_there(agent, one)]
    return sorted(found, key=lambda row: row.agent.key)


def as_json(looked: Iterable[Looked], found: Iterable[Row], currency: str, now: datetime) -> dict[str, Any]:
    """The keys that `docs/operations.md` lists; null where nothing is known."""
    return {
        "version": VERSION,
        "at": moment(now),
        "currency": currency,
        "places": [_place(one) for one in looked],
        "agents": [_agent(row) for row in found],
    }


def _undefined(one: Looked, known: Iterable[Agent]) -> list[Agent]:
    names = {(agent.namespace, agent.name) for agent in known}
    return [undefined(one.place, *key) for key in sorted(one.seen or ()) if key not in names]


def _is_there(agent: Agent, one: Looked) -> bool:
    return (agent.namespace, agent.name) in (one.seen or {})


def _row(agent: Agent, one: Looked, now: datetime) -> Row:
    key = agent.namespace, agent.name
    figures = one.measured.of(key, one.place.cluster, one.place.only) if one.measured else NONE
    if one.seen is None:
        return Row(agent, UNKNOWN, figures)
    seen = one.seen.get(key)
    found = workload(key, seen, agent.suspended, agent.may_be_empty, now) if seen else ABSENT
    return Row(agent, found, figures)


def _place(one: Looked) -> dict[str, Any]:
    return {
        "environment": one.place.environment,
        "cluster": one.place.cluster,
        "context": one.place.context,
        "fault": one.fault or None,
        "prometheus": one.place.prometheus or None,
        "prometheus_faults": list(one.measured.problems) if one.measured else [],
    }


def _agent(row: Row) -> dict[str, Any]:
    agent, live, figures = row.agent, row.workload, row.figures
    return {
        "environment": agent.place.environment,
        "cluster": agent.place.cluster,
        "namespace": agent.namespace,
        "pool": agent.pool,
        "agent": agent.name,
        "owner": agent.owner or live.owner,
        "defined": agent.defined,
        "state": live.state,
        "attention": row.attention,
        "desired": live.desired,
        "ready": live.ready,
        "reason": live.reason or None,
        "why": row.why or None,
        "advice": live.advice or None,
        "image": live.image or None,
        "last_change": _change(row),
        "requests_per_minute": _rounded(figures.requests_per_minute),
        "error_percent": _rounded(figures.error_percent),
        "p95_seconds": _rounded(figures.p95_seconds),
        "cost_today": _rounded(figures.cost_today),
        "tokens_today": None if figures.tokens_today is None else round(figures.tokens_today),
        "budget_percent": _rounded(figures.budget_percent),
        "firing": [{"alert": one.name, "severity": one.severity} for one in figures.firing],
    }


def _change(row: Row) -> dict[str, Any] | None:
    if row.changed is None:
        return None
    applied = row.figures.applied is not None
    return {
        "at": moment(row.changed),
        "commit": row.figures.commit or None,
        "source": "applied" if applied else "replicaset",
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
