"""The alerts that fire or are pending: read from Prometheus, with what Alertmanager says of silences and inhibition."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

from ci.cluster.prometheus import PrometheusError, ask, bare
from ci.deploy.report import moment
from ci.live.figures import rank

State = Literal["firing", "pending"]
VERSION = 1


@dataclass(frozen=True, slots=True)
class LiveAlert:
    """An alert that fires, or is pending. `since` is when its expression began to hold.

    `silenced` and `inhibited` are None where no Alertmanager said; `silenced` are the comments of the silences.
    """

    name: str
    state: State
    severity: str
    scope: str
    environment: str
    namespace: str
    pool: str
    agent: str
    owner: str
    since: datetime | None
    summary: str
    runbook: str
    labels: Mapping[str, str]
    silenced: tuple[str, ...] | None = None
    inhibited: bool | None = None

    @property
    def about(self) -> str:
        """Whom it is about: `pool/agent`, a pool, or the environment's platform."""
        if self.agent:
            return f"{self.pool or self.namespace}/{self.agent}"
        return self.pool or self.namespace or "platform"

    @property
    def quiet(self) -> str:
        """Why nobody is told; empty where somebody is, or it is not known."""
        if self.silenced:
            return f"silenced: {'; '.join(self.silenced)}"
        return "inhibited" if self.inhibited else ""


@dataclass(frozen=True, slots=True)
class Wish:
    """Which alerts are wanted: of environments, with their namespaces; of pools; of agents (namespace, name).

    `spaces` are those of the environments; with `pools` or `agents` only alerts about these, and about an agent's pool.
    """

    spaces: Mapping[str, Collection[str]]
    pools: Collection[str] | None = None
    agents: Collection[tuple[str, str]] | None = None

    def holds(self, alert: LiveAlert) -> bool:
        """Whether an alert is wanted; one that no rule of Roster made is, where it is about one of the namespaces."""
        spaces = self.spaces.get(alert.environment)
        if spaces is None and (alert.environment or not any(alert.namespace in some for some in self.spaces.values())):
            return False
        if self.pools is not None and alert.pool not in self.pools:
            return False
        if self.agents is None:
            return True
        if alert.agent:
            return (alert.namespace, alert.agent) in self.agents
        return alert.scope == "pool" and any(space == alert.namespace for space, _ in self.agents)


def from_prometheus(address: str) -> list[LiveAlert]:
    """All alerts that a Prometheus has. Raises PrometheusError."""
    status, found = ask(address, "GET", "/api/v1/alerts")
    try:
        alerts = found["data"]["alerts"]
        return [_of_rule(one) for one in alerts if one.get("state") in ("firing", "pending")]
    except (KeyError, TypeError, AttributeError, ValueError):
        said = found.get("error", "") if isinstance(found, dict) else ""
        raise PrometheusError(
            f"{bare(address)} answers {status}, and not as Prometheus does. {said}".rstrip()
        ) from None


@dataclass(frozen=True, slots=True)
class Handled:
    """An alert as Alertmanager has it."""

    labels: Mapping[str, str]
    silences: tuple[str, ...]
    inhibited: bool


def from_alertmanager(address: str) -> list[Handled]:
    """All active alerts that an Alertmanager has. Raises PrometheusError."""
    everything = {"active": "true", "silenced": "true", "inhibited": "true", "unprocessed": "true"}
    status, alerts = ask(address, "GET", "/api/v2/alerts", everything)
    silenced = {name for one in _listed(address, status, alerts) for name in one["status"]["silencedBy"]}
    comments: dict[str, str] = {}
    if silenced:
        status, silences = ask(address, "GET", "/api/v2/silences")
        comments = {one["id"]: _comment(one) for one in _listed(address, status, silences)}
    return [
        Handled(
            one["labels"],
            tuple(comments.get(name, "a silence") for name in one["status"]["silencedBy"]),
            bool(one["status"]["inhibitedBy"]),
        )
        for one in alerts
    ]


def handled(alerts: Iterable[LiveAlert], known: Iterable[Handled]) -> list[LiveAlert]:
    """The alerts with what Alertmanager does with them; those that fire and that it does not have are not told yet."""
    by_name: dict[str, list[Handled]] = {}
    for one in known:
        by_name.setdefault(one.labels.get("alertname", ""), []).append(one)
    found = []
    for alert in alerts:
        # Prometheus adds its external labels on the way.
        same = [one for one in by_name.get(alert.name, ()) if alert.labels.items() <= one.labels.items()]
        if alert.state == "firing":
            silences = tuple(dict.fromkeys(text for one in same for text in one.silences))
            alert = replace(alert, silenced=silences, inhibited=bool(same) and all(one.inhibited for one in same))
        found.append(alert)
    return found


def ordered(alerts: Iterable[LiveAlert]) -> list[LiveAlert]:
    """What fires first, the worst first, then the oldest."""
    return sorted(
        alerts,
        key=lambda one: (
            one.state != "firing",
            bool(one.quiet),
            rank(one.severity),
            str(one.since),
            one.about,
            one.name,
        ),
    )


def as_json(alerts: Iterable[LiveAlert], now: datetime) -> dict[str, Any]:
    """The keys that `docs/operations.md` lists."""
    return {"version": VERSION, "at": moment(now), "alerts": [_json(one) for one in alerts]}


def _json(one: LiveAlert) -> dict[str, Any]:
    return {
        "alert": one.name,
        "state": one.state,
        "severity": one.severity or None,
        "scope": one.scope or None,
        "environment": one.environment or None,
        "namespace": one.namespace or None,
        "pool": one.pool or None,
        "agent": one.agent or None,
        "owner": one.owner or None,
        "since": moment(one.since) if one.since else None,
        "summary": one.summary,
        "runbook": one.runbook or None,
        "silenced": None if one.silenced is None else list(one.silenced),
        "inhibited": one.inhibited,
        "labels": dict(one.labels),
    }


def _of_rule(raw: Mapping[str, Any]) -> LiveAlert:
    labels, notes = raw["labels"], raw.get("annotations") or {}
    return LiveAlert(
        labels.get("alertname", ""),
        raw["state"],
        labels.get("severity", ""),
        labels.get("scope", ""),
        labels.get("environment", ""),
        labels.get("namespace", ""),
        labels.get("pool", ""),
        labels.get("agent_id", ""),
        labels.get("owner", ""),
        _moment(raw.get("activeAt", "")),
        notes.get("summary") or notes.get("description") or "",
        notes.get("runbook_url", ""),
        labels,
    )


def _moment(text: str) -> datetime | None:
    try:
        # Go writes nanoseconds, of which Python takes six digits.
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).astimezone(UTC)
    except ValueError:
        return None


def _comment(silence: Mapping[str, Any]) -> str:
    until = _moment(silence.get("endsAt", ""))
    by, comment = silence.get("createdBy", ""), silence.get("comment", "")
    return (
        " ".join(filter(None, [comment, f"({by}" * bool(by) + f", until {until:%Y-%m-%d %H:%M} UTC)"]))
        if until
        else comment
    )


def _listed(address: str, status: int, found: Any) -> list[dict[str, Any]]:
    if not isinstance(found, list) or not all(isinstance(one, dict) and "status" in one for one in found):
        raise PrometheusError(f"{bare(address)} answers {status}, and not as Alertmanager does")
    return found
