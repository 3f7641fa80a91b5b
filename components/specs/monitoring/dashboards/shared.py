"""Expressions and panels that several dashboards show."""

from __future__ import annotations

from components.specs.monitoring.dashboards.panel import Column, Panel
from components.specs.monitoring.dashboards.style import ERRORS, LATENCY, RATIO, SECONDS, stat, table
from components.specs.monitoring.recorded import AGENT, BY, COST, DOWN, FAILED, REQUESTS

# Agents that ought to run; the series is 1 for those without a ready pod.
OUGHT_TO_RUN = f"{DOWN}{{<where>}}"
SEEN = f"max {BY} ({AGENT}{{<where>}})"
# 1 for each agent, with the owner that it has now: two are recorded for a while where it changed.
OWNER = f"(0 * topk {BY} (1, {AGENT}{{<where>}}) + 1)"

REQUEST_RATE = f"sum({REQUESTS}{{<where>}})"
# What is spent in a second. Costs of days and months are sums of what is recorded: raw counters would be a hundred
# times as many samples.
SPENDING = f"{COST}{{<where>}}"
COST_DAY = f"300 * sum_over_time({SPENDING}[1d:5m])"
COST_MONTH = f"3600 * sum_over_time(sum({SPENDING})[30d:1h])"
TOKENS_HOUR = "sum by (namespace, agent_id) (increase(agent_tokens_used_total{<where>}[1h]))"

FIRING = 'ALERTS{alertstate="firing",severity=~"critical|warning",scope=~"agent|pool|platform",<firing>}'
_WHICH = "max by (severity, alertname, environment, namespace, agent_id, owner)"


def error_share(by: str = "") -> str:
    """Failed requests of all requests; an agent that never failed has no series of failures, and counts as 0."""
    requests = f"sum {by} ({REQUESTS}{{<where>}})"
    return f"(sum {by} ({FAILED}{{<where>}}) or 0 * {requests}) / ({requests} > 0)"


def duration(quantile: float) -> str:
    """A quantile of the response time of all chosen agents together, in seconds."""
    rates = "sum by (le) (rate(agent_processing_seconds_bucket{<where>}[$__rate_interval]))"
    return f"histogram_quantile({quantile}, {rates})"


def error_rate() -> Panel:
    """The share of requests that failed, as one number."""
    return stat(
        "Error rate",
        RATIO,
        error_share(),
        "Share of requests that failed in five minutes. What callers did wrong themselves is not counted.",
        scale=ERRORS,
        empty="no requests",
    )


def p95(over: str = "") -> Panel:
    """The response time that one request in twenty exceeds, as one number; `over` says over which agents."""
    return stat(
        "P95",
        SECONDS,
        duration(0.95),
        f"One request in twenty takes longer than this{over}.",
        scale=LATENCY,
        empty="no requests",
    )


def alerts_table(firing: str, width: int, *, hidden: tuple[str, ...] = ()) -> Panel:
    """Alerts that fire now, and since when; `firing` are the matchers of whose."""
    chosen = FIRING.replace("<firing>", firing)
    began = f"ALERTS_FOR_STATE{{{firing}}} and ignoring (alertstate) {chosen}"
    columns = (
        Column("severity", "Severity", width=90),
        Column("alertname", "Alert"),
        Column("environment", "Environment", width=110),
        Column("namespace", "Pool"),
        Column("agent_id", "Agent", link="agent"),
        Column("owner", "Owner"),
        Column("Value", "For", SECONDS, width=100),
    )
    return table(
        "Firing alerts",
        SECONDS,
        (f"time() - {_WHICH} ({began})",),
        tuple(column for column in columns if column.field not in hidden),
        "Alerts of severity critical and warning that fire now, and how long they have been true. A name leads to the"
        " agent's dashboard.",
        width=width,
        sort="Severity",
        ascending=True,
        empty="no alert fires",
    )
