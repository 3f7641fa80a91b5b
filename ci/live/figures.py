"""What Prometheus says of agents: requests, errors, latency, cost and tokens of today, budget, what was applied."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from ci.cluster.observed import Key
from ci.cluster.prometheus import PrometheusError, query
from components.specs.monitoring.recorded import BY, COST, ERROR_RATIO, P95, REQUESTS

Series = list[tuple[dict[str, str], float]]
Value = TypeVar("Value")
# By agent (namespace, name), then by cluster: a Prometheus that sees several adds that label.
By = dict[Key, dict[str, Value]]

_AT_ONCE = 4
# Up to here agents are asked for by name, and for their tokens.
FEW = 100
_HOUR, _DAY = 3600, 86_400
_LABEL = "cluster"
_GROUPED = BY.replace("agent_id", f"agent_id, {_LABEL}")
# Pushed by CI after each apply: when it was, in seconds since 1970, with the commit as a label.
APPLIED = "roster_agent_applied_timestamp_seconds"
# Figure → its query for all agents. <where> stands for the matchers, <today> for the seconds since midnight UTC, when
# budgets begin anew, <hour> for those since the last full hour.
QUERIES: Mapping[str, str] = {
    "requests": f"60 * {REQUESTS}{{<where>}}",
    "errors": f"100 * {ERROR_RATIO}{{<where>}}",
    "p95": f"{P95}{{<where>}}",
    # What each full hour of today cost, and what came since: the counters of a whole day are ten times as much to read.
    "cost_hours": f"3600 * sum_over_time({COST}{{<where>}}[<today>s:1h])",
    "cost_since": f"sum {_GROUPED} (increase(agent_cost_total{{<where>}}[<hour>s]))",
    "tokens": f"sum {_GROUPED} (increase(agent_tokens_used_total{{<where>}}[<today>s]))",
    "budget": f"100 * max {_GROUPED} (agent_budget_used_ratio{{<where>}})",
}
_COMMITS = f"{APPLIED}{{<where>}}"
_FIRING = 'ALERTS{alertstate="firing",agent_id!="",<where>}'


@dataclass(frozen=True, slots=True)
class Firing:
    """An alert that fires."""

    name: str
    severity: str


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known of one agent; None where Prometheus has nothing. Costs are in the catalog's currency."""

    requests_per_minute: float | None = None
    error_percent: float | None = None
    p95_seconds: float | None = None
    cost_today: float | None = None
    tokens_today: float | None = None
    budget_percent: float | None = None
    applied: datetime | None = None
    commit: str = ""
    firing: tuple[Firing, ...] = ()


NONE = Figures()


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures that one Prometheus has. `problems` are those that it could not be asked for, in sentences."""

    values: Mapping[str, By[float]] = field(default_factory=dict)
    applied: By[tuple[datetime, str]] = field(default_factory=dict)
    firing: By[tuple[Firing, ...]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def of(self, key: Key, cluster: str, only: bool) -> Figures:
        """The figures of an agent (namespace, name) in a cluster; `only`: its environment has no other."""
        values = {name: _in(found, key, cluster, only) for name, found in self.values.items()}
        applied = _in(self.applied, key, cluster, only)
        return Figures(
            values.get("requests"),
            values.get("errors"),
            values.get("p95"),
            _sum(values.get("cost_hours"), values.get("cost_since")),
            values.get("tokens"),
            values.get("budget"),
            applied[0] if applied else None,
            applied[1] if applied else "",
            _in(self.firing, key, cluster, only) or (),
        )


def measure(
    address: str, namespaces: Collection[str], agents: Collection[str] | None, tokens: bool, now: datetime
) -> Measured:
    """Asks Prometheus, one query a figure whatever the number of agents. What fails is among the problems.

    `agents` are the names of those that are wanted, None for all. `tokens`: nothing records them, so that those of a
    large fleet take Prometheus many seconds by the evening.
    """
    queries = {**QUERIES, "applied": _COMMITS, "firing": _FIRING}
    where = f'namespace=~"{"|".join(sorted(namespaces))}"'
    if agents and len(agents) <= FEW:
        where += f',agent_id=~"{"|".join(sorted(agents))}"'
    if not tokens:
        del queries["tokens"]
    second = int(now.timestamp())
    # An hour that ends at midnight is yesterday's.
    spans = {"<today>": max(60, second % _DAY - 1), "<hour>": max(60, second % _HOUR)}

    def answer(name: str) -> Series | PrometheusError:
        try:
            asked = queries[name].replace("<where>", where)
            for mark, seconds in spans.items():
                asked = asked.replace(mark, str(seconds))
            return query(address, asked)
        except PrometheusError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = dict(zip(queries, pool.map(answer, queries), strict=True))
    problems = tuple(dict.fromkeys(str(one) for one in answers.values() if isinstance(one, PrometheusError)))
    series = {name: one for name, one in answers.items() if not isinstance(one, PrometheusError)}
    return Measured(
        {name: _values(series[name]) for name in QUERIES if name in series},
        _applied(series.get("applied", [])),
        _firing(series.get("firing", [])),
        problems,
    )


def _place(labels: Mapping[str, str]) -> tuple[Key, str]:
    return (labels.get("namespace", ""), labels.get("agent_id", "")), labels.get(_LABEL, "")


def _values(series: Series) -> By[float]:
    found: By[float] = {}
    for labels, value in series:
        if math.isfinite(value):
            key, cluster = _place(labels)
            found.setdefault(key, {})[cluster] = value
    return found


def _applied(series: Series) -> By[tuple[datetime, str]]:
    """The newest of each agent: an older commit's series may stay for a while."""
    found: By[tuple[datetime, str]] = {}
    for labels, value in sorted(series, key=lambda one: one[1]):
        if math.isfinite(value):
            key, cluster = _place(labels)
            found.setdefault(key, {})[cluster] = datetime.fromtimestamp(value, UTC), labels.get("commit", "")
    return found


def _firing(series: Series) -> By[tuple[Firing, ...]]:
    found: By[tuple[Firing, ...]] = {}
    for labels, _ in series:
        one = Firing(labels.get("alertname", ""), labels.get("severity", ""))
        key, cluster = _place(labels)
        before = found.setdefault(key, {}).get(cluster, ())
        found[key][cluster] = tuple(sorted({*before, one}, key=lambda one: (rank(one.severity), one.name)))
    return found


def _sum(*values: float | None) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def rank(severity: str) -> int:
    """The worst first."""
    return {"critical": 0, "warning": 1, "info": 2}.get(severity, 3)


def _in(found: Mapping[Key, Mapping[str, Value]], key: Key, cluster: str, only: bool) -> Value | None:
    """The value of the cluster; of the one that there is, where series name none or the environment has one."""
    by_cluster = found.get(key) or {}
    some = next(iter(by_cluster.values()), None) if only else None
    return by_cluster.get(cluster, by_cluster.get("", some))
