"""Pool: which of its agents need a look, and how near is it to its quota?"""

from __future__ import annotations

from components.specs.monitoring.dashboards.figures import MONEY
from components.specs.monitoring.dashboards.panel import Board, Column, Query, Row
from components.specs.monitoring.dashboards.shared import (
    COST_DAY,
    OUGHT_TO_RUN,
    SEEN,
    alerts_table,
    error_rate,
    p95,
)
from components.specs.monitoring.dashboards.style import (
    AGO,
    COUNT,
    CPU,
    ERRORS,
    LATENCY,
    MEMORY,
    NONE_EXPECTED,
    RATIO,
    REQUESTS,
    SECONDS,
    USED,
    lines,
    stat,
    table,
    top,
)
from components.specs.monitoring.recorded import AGENT, BY, DOWN, ERROR_RATIO, P95, RESTARTS
from components.specs.monitoring.recorded import CPU as CPU_RATIO
from components.specs.monitoring.recorded import MEMORY as MEMORY_RATIO
from components.specs.monitoring.recorded import REQUESTS as REQUEST_RATES

_QUOTA = 'kube_resourcequota{<where>,type="<type>"<resource>}'


def _quota_used(resource: str = "") -> str:
    chosen = _QUOTA.replace("<resource>", f',resource="{resource}"' if resource else "")
    used, hard = (f"max by (resource) ({chosen.replace('<type>', kind)})" for kind in ("used", "hard"))
    return f"{used} / ({hard} > 0)"


_KNOWN = (
    f"max by (namespace, agent_id, owner, tier) ({AGENT}{{<where>}} == on (namespace, agent_id) group_left () {SEEN})"
)

# Removed agents would have rows of their own: what they cost is not forgotten at once, nor what CI reported.
_STILL_THERE = f" and on (namespace, agent_id) {SEEN}"

_NOW = Row(
    "Now",
    4,
    (
        stat(
            "Agents down",
            COUNT,
            f"sum({OUGHT_TO_RUN}) or vector(0)",
            "Agents that ought to run and have no ready pod.",
            scale=NONE_EXPECTED,
        ),
        stat("Agents ready", COUNT, f"count({OUGHT_TO_RUN} == 0) or vector(0)", "Agents with at least one ready pod."),
        error_rate(),
        p95(", over all agents of the pool"),
        stat("Requests", REQUESTS, f"sum({REQUEST_RATES}{{<where>}})", "Requests a second.", empty="no requests"),
        stat(
            "CPU quota",
            RATIO,
            _quota_used("requests.cpu"),
            "Share of the pool's cores that its pods have reserved.",
            scale=USED,
            empty="no quota",
        ),
        stat(
            "Memory quota",
            RATIO,
            _quota_used("requests.memory"),
            "Share of the pool's memory that its pods have reserved.",
            scale=USED,
            empty="no quota",
        ),
        stat(
            "Pod quota",
            RATIO,
            _quota_used("pods"),
            "Share of the pool's pods that exist.",
            scale=USED,
            empty="no quota",
        ),
    ),
)
_WORST = Row(
    "Worst 10 agents",
    8,
    (
        top(
            "By error rate",
            RATIO,
            f"{ERROR_RATIO}{{<where>}} > 0",
            "Share of failed requests in five minutes.",
            width=6,
            scale=ERRORS,
            empty="no errors",
        ),
        top(
            "By P95",
            SECONDS,
            f"{P95}{{<where>}} > 0",
            "95th percentile of the response time in five minutes.",
            width=6,
            scale=LATENCY,
            empty="no requests",
        ),
        top(
            "By CPU",
            RATIO,
            f"{CPU_RATIO}{{<where>}}",
            "Share of the CPU limit that the agent's busiest pod uses.",
            width=6,
            scale=CPU,
            empty="no pods",
            maximum=1,
        ),
        top(
            "By memory",
            RATIO,
            f"{MEMORY_RATIO}{{<where>}}",
            "Share of the memory limit that the agent's fullest pod uses.",
            width=6,
            scale=MEMORY,
            empty="no pods",
            maximum=1,
        ),
    ),
)
_COURSE = Row(
    "Course",
    7,
    (
        lines(
            "Agents",
            COUNT,
            (
                Query(f"count({OUGHT_TO_RUN} == 0) or vector(0)", "ready"),
                Query(f"sum({OUGHT_TO_RUN}) or vector(0)", "down"),
            ),
            "Agents with a ready pod, and agents without one that ought to run.",
            width=6,
            stacked=True,
            colours=(("ready", "green"), ("down", "red")),
        ),
        lines(
            "Rollouts",
            COUNT,
            (Query("count((time() - kube_replicaset_created{<where>}) < 3600) or vector(0)", "in the hour before"),),
            "Changes of agents' pods: ReplicaSets that were created in the hour before.",
            width=6,
        ),
        lines(
            "Restarts",
            COUNT,
            (Query(f"sum({RESTARTS}{{<where>}})", "in the hour before"),),
            "Containers that ended and were started again, in the hour before.",
            width=6,
            empty="no pods",
        ),
        lines(
            "Quota used",
            RATIO,
            (Query(_quota_used(), "{{resource}}"),),
            "Share of each part of the pool's quota; at 100 % no further pod starts.",
            width=6,
            scale=USED,
            maximum=1,
            empty="no quota",
        ),
    ),
)
_AGENTS = Row(
    "Agents",
    12,
    (
        table(
            "All agents",
            COUNT,
            (
                _KNOWN,
                f"max by (namespace, agent_id) ({DOWN}{{<where>}})",
                f"sum by (namespace, agent_id) ({REQUEST_RATES}{{<where>}})",
                f"max by (namespace, agent_id) ({ERROR_RATIO}{{<where>}})",
                f"max by (namespace, agent_id) ({P95}{{<where>}})",
                f"max by (namespace, agent_id) ({CPU_RATIO}{{<where>}})",
                f"max by (namespace, agent_id) ({MEMORY_RATIO}{{<where>}})",
                f"{COST_DAY}{_STILL_THERE}",
                f"1000 * max {BY} (roster_agent_applied_timestamp_seconds{{<where>}}){_STILL_THERE}",
            ),
            (
                Column("agent_id", "Agent", link="agent"),
                Column("owner", "Owner"),
                Column("tier", "Tier"),
                Column("Value #B", "Down", COUNT, NONE_EXPECTED),
                Column("Value #C", "Requests", REQUESTS),
                Column("Value #D", "Errors", RATIO, ERRORS),
                Column("Value #E", "P95", SECONDS, LATENCY),
                Column("Value #F", "CPU", RATIO, CPU),
                Column("Value #G", "Memory", RATIO, MEMORY),
                Column("Value #H", "Cost of a day", MONEY),
                Column("Value #I", "Changed", AGO),
            ),
            "Every agent of the pool: its owner and tier, and how it does. A name leads to the agent's dashboard.",
            width=24,
            sort="Errors",
            empty="no agent",
        ),
    ),
)
_ALERTS = Row("Alerts", 6, (alerts_table("<where>", 24, hidden=("environment", "namespace")),))

POOL = Board(
    "pool",
    "Roster: Pool",
    "One pool in one environment: which agents need a look, and how near is it to its quota?",
    "pool",
    (_NOW, _WORST, _ALERTS, _COURSE, _AGENTS),
)
