"""Platform Overview: is all well, for whom is it not, and what does it cost?"""

from __future__ import annotations

from components.specs.monitoring.dashboards.figures import MONEY
from components.specs.monitoring.dashboards.panel import Board, Column, Query, Row
from components.specs.monitoring.dashboards.shared import (
    COST_DAY,
    COST_MONTH,
    FIRING,
    OUGHT_TO_RUN,
    REQUEST_RATE,
    alerts_table,
    duration,
    error_rate,
    error_share,
    p95,
)
from components.specs.monitoring.dashboards.style import (
    BYTES,
    BYTES_RATE,
    CORES,
    COUNT,
    ERRORS,
    LATENCY,
    NONE_EXPECTED,
    QUANTILES,
    RATIO,
    REQUESTS,
    SECONDS,
    lines,
    stat,
    table,
    top,
)
from components.specs.monitoring.recorded import DOWN, FAILED
from components.specs.monitoring.recorded import REQUESTS as REQUEST_RATES

_FIRING = FIRING.replace("<firing>", "<environment>")
_BY_POOL = "sum by (namespace)"
# Without the series of whole pods, which have no container and would be counted twice.
_DISK = 'rate(container_fs_<what>_bytes_total{<where>,container!=""}[$__rate_interval])'

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
        stat(
            "Alerts",
            COUNT,
            f"count({_FIRING}) or vector(0)",
            "Alerts of severity critical and warning; the table below names them.",
            scale=NONE_EXPECTED,
        ),
        error_rate(),
        p95(", over all agents"),
        stat("Requests", REQUESTS, REQUEST_RATE, "Requests a second, over all agents.", empty="no requests"),
        stat("Active agents", COUNT, f"count({OUGHT_TO_RUN} == 0) or vector(0)", "Agents with at least one ready pod."),
        stat(
            "Cost of a day",
            MONEY,
            f"sum({COST_DAY})",
            "What models cost in the last 24 hours, by the catalog's prices.",
            empty="nothing spent",
            instant=True,
        ),
        stat(
            "Cost of a month",
            MONEY,
            COST_MONTH,
            "What models cost in the last 30 days.",
            empty="nothing spent",
            instant=True,
        ),
    ),
)
_TRAFFIC = Row(
    "Traffic",
    8,
    (
        lines(
            "Requests by pool",
            REQUESTS,
            (Query(f"{_BY_POOL} ({REQUEST_RATES}{{<where>}})", "{{namespace}}"),),
            "Requests a second; a pool has a namespace in each environment.",
            stacked=True,
            link="pool",
        ),
        lines(
            "Error rate by pool",
            RATIO,
            (Query(error_share("by (namespace)"), "{{namespace}}"),),
            "Share of requests that failed. Red begins where the alert does.",
            scale=ERRORS,
            link="pool",
        ),
        lines(
            "Response time",
            SECONDS,
            tuple(Query(duration(value), name) for value, name in ((0.5, "P50"), (0.95, "P95"), (0.99, "P99"))),
            "Half, 95 % and 99 % of all requests are answered within this time.",
            colours=QUANTILES,
            scale=LATENCY,
        ),
    ),
)
_TOP = Row(
    "Top 10 agents",
    8,
    (
        top("By requests", REQUESTS, f"{REQUEST_RATES}{{<where>}} > 0", "Requests a second in the last five minutes."),
        top(
            "By errors",
            REQUESTS,
            f"{FAILED}{{<where>}} > 0",
            "Failed requests a second in the last five minutes.",
            scale=NONE_EXPECTED,
            empty="no errors",
        ),
        top("By cost", MONEY, f"{COST_DAY} > 0", "What models cost in the last 24 hours.", empty="nothing spent"),
    ),
)
_WHERE = Row(
    "Alerts and pools",
    8,
    (
        alerts_table("<environment>", 13),
        table(
            "Pools",
            COUNT,
            (
                f"count by (namespace) ({OUGHT_TO_RUN})",
                f"sum by (namespace) ({DOWN}{{<where>}})",
                f"{_BY_POOL} ({REQUEST_RATES}{{<where>}})",
                error_share("by (namespace)"),
                f"{_BY_POOL} ({COST_DAY})",
            ),
            (
                Column("namespace", "Pool", link="pool"),
                Column("Value #A", "Agents", COUNT, width=80),
                Column("Value #B", "Down", COUNT, NONE_EXPECTED, width=70),
                Column("Value #C", "Requests", REQUESTS, width=110),
                Column("Value #D", "Errors", RATIO, ERRORS, width=90),
                Column("Value #E", "Cost of a day", MONEY, width=120),
            ),
            "Agents that ought to run, and how they do. A name leads to the pool's dashboard.",
            width=11,
            sort="Down",
            empty="no pool",
        ),
    ),
)
_CLUSTER = Row(
    "Cluster, by pool",
    7,
    (
        lines(
            "CPU",
            CORES,
            (
                Query(
                    'sum by (namespace) (rate(container_cpu_usage_seconds_total{<where>,container!=""}'
                    "[$__rate_interval]))",
                    "{{namespace}}",
                ),
            ),
            "Cores that the pool's containers use.",
            width=6,
            stacked=True,
        ),
        lines(
            "Memory",
            BYTES,
            (Query('sum by (namespace) (container_memory_working_set_bytes{<where>,container!=""})', "{{namespace}}"),),
            "Memory that cannot be taken back from the pool's containers.",
            width=6,
            stacked=True,
        ),
        lines(
            "Disk",
            BYTES_RATE,
            (
                Query(f"{_BY_POOL} ({_DISK.replace('<what>', 'reads')})", "{{namespace}} read"),
                Query(f"-{_BY_POOL} ({_DISK.replace('<what>', 'writes')})", "{{namespace}} written"),
            ),
            "Bytes a second; what is written is below the line.",
            width=6,
        ),
        lines(
            "Network",
            BYTES_RATE,
            (
                Query(
                    "sum by (namespace) (rate(container_network_receive_bytes_total{<where>}[$__rate_interval]))",
                    "{{namespace}} in",
                ),
                Query(
                    "-sum by (namespace) (rate(container_network_transmit_bytes_total{<where>}[$__rate_interval]))",
                    "{{namespace}} out",
                ),
            ),
            "Bytes a second; what is sent is below the line.",
            width=6,
        ),
    ),
)

OVERVIEW = Board(
    "overview",
    "Roster: Platform Overview",
    "Is all well, for whom is it not, and what does it cost?",
    "environment",
    (_NOW, _WHERE, _TRAFFIC, _TOP, _CLUSTER),
)
