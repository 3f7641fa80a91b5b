"""Agent Detail: one dashboard for every agent, chosen by namespace and agent.

Agents without metrics of their own have the rows of the cluster: pods, restarts, alerts and log.
"""

from __future__ import annotations

from components.specs.monitoring.dashboards.figures import MONEY
from components.specs.monitoring.dashboards.panel import Board, Panel, Query, Row, Scale
from components.specs.monitoring.dashboards.shared import alerts_table, duration, error_rate, p95
from components.specs.monitoring.dashboards.style import (
    AGO,
    BYTES,
    CORES,
    COUNT,
    LATENCY,
    LEFT,
    LINES,
    NONE_EXPECTED,
    PLAIN,
    QUANTILES,
    QUEUE,
    RATIO,
    REQUESTS,
    SECONDS,
    STATUSES,
    TOKENS,
    USED,
    lines,
    stat,
)
from components.specs.monitoring.objectives import ERROR_BUDGET_REMAINING, LATENCY_BUDGET_REMAINING
from components.specs.monitoring.recorded import AVAILABLE, POD, RESTARTS, WAITING, WANTED
from components.specs.monitoring.recorded import REQUESTS as REQUEST_RATES

# Its pods' names begin with the agent's: that narrows it down, and roster:pod:agent says which they are.
_PODS = 'namespace="$namespace",pod=~"$agent-[a-z0-9]+-[a-z0-9]+",container="agent"'
_ITS_OWN = f" and on (namespace, pod) {POD}{{<where>}}"
_SCALER = '{namespace="$namespace",horizontalpodautoscaler=~"(keda-hpa-)?$agent"}'
_NO_METRICS = "no metrics of its own"

_NOW = Row(
    "Now",
    4,
    (
        stat(
            "Pods ready",
            COUNT,
            f"max({AVAILABLE}{{<where>}})",
            "Pods that answer. 0 while it ought to run is an outage; a suspended agent has none.",
            scale=Scale(((1, "green"),), first="red"),
            empty="no Deployment",
        ),
        error_rate(),
        p95(),
        stat(
            "Error budget left",
            RATIO,
            f"max({ERROR_BUDGET_REMAINING}{{<where>}})",
            "What is left of the failures that its tier allows in 30 days; below 0 the objective is missed.",
            scale=LEFT,
            empty="no objectives",
        ),
        stat("Requests", REQUESTS, f"sum({REQUEST_RATES}{{<where>}})", "Requests a second.", empty=_NO_METRICS),
        stat(
            "Budget of the day",
            RATIO,
            "max(agent_budget_used_ratio{<where>})",
            "The larger share that is used, of the day's tokens or cost; at 100 % it answers BUDGET_SPENT.",
            scale=USED,
            empty="no budget",
        ),
        stat(
            "Cost of a day",
            MONEY,
            "sum(increase(agent_cost_total{<where>}[1d]))",
            "What its model cost in the last 24 hours.",
            empty=_NO_METRICS,
            instant=True,
        ),
        stat(
            "Last change",
            AGO,
            "1000 * topk(1, max by (commit) (label_replace(roster_agent_applied_timestamp_seconds{<where>},"
            ' "commit", "$1", "commit", "(.{0,10}).*")))',
            "When its objects were last applied, and from which commit.",
            empty="not reported",
            legend="{{commit}}",
            instant=True,
        ),
    ),
)
_REQUESTS = Row(
    "Requests",
    8,
    (
        lines(
            "Requests by status",
            REQUESTS,
            (Query("sum by (status) (rate(agent_requests_total{<where>}[$__rate_interval]))", "{{status}}"),),
            "Answers a second by HTTP status; 499: the caller went away.",
            stacked=True,
            colours=STATUSES,
            empty=_NO_METRICS,
        ),
        lines(
            "Errors by code",
            REQUESTS,
            (Query("sum by (code) (rate(agent_errors_total{<where>}[$__rate_interval]))", "{{code}}"),),
            "Error answers a second by their code, those that callers brought about among them.",
            stacked=True,
            empty="no errors",
        ),
        lines(
            "Response time",
            SECONDS,
            tuple(Query(duration(value), name) for value, name in ((0.5, "P50"), (0.95, "P95"), (0.99, "P99"))),
            "Half, 95 % and 99 % of its requests are answered within this time. Red begins where the alert does.",
            colours=QUANTILES,
            scale=LATENCY,
            empty="no requests",
        ),
    ),
)
_OBJECTIVES = Row(
    "Objectives",
    8,
    (
        lines(
            "Budgets left",
            RATIO,
            (
                Query(f"max({ERROR_BUDGET_REMAINING}{{<where>}})", "failed requests"),
                Query(f"max({LATENCY_BUDGET_REMAINING}{{<where>}})", "slow answers"),
            ),
            "What is left of the failures, and of the slow answers, that its tier allows in 30 days; below 0 the"
            " objective is missed.",
            width=12,
            scale=LEFT,
            maximum=1,
            empty="its tier has no objectives",
        ),
        Panel(
            "heatmap",
            "Distribution of response times",
            "How many requests a second took how long.",
            REQUESTS,
            (Query("sum by (le) (rate(agent_processing_seconds_bucket{<where>}[$__rate_interval]))", "{{le}}"),),
            12,
            empty="no requests",
        ),
    ),
)
_LOAD = Row(
    "Load",
    7,
    (
        lines(
            "In flight and waiting",
            COUNT,
            (
                Query("sum(agent_in_flight{<where>})", "in flight"),
                Query("sum(agent_queue_depth{<where>})", "waiting"),
            ),
            "Requests that are worked on, and those that wait for a place, over all its pods.",
            width=12,
            scale=QUEUE,
            empty=_NO_METRICS,
        ),
        lines(
            "Tokens a minute",
            TOKENS,
            (
                Query(
                    "60 * sum by (direction) (rate(agent_tokens_used_total{<where>}[$__rate_interval]))",
                    "{{direction}}",
                ),
            ),
            "Tokens that the provider counted, into the model and out of it.",
            width=12,
            stacked=True,
            empty=_NO_METRICS,
        ),
    ),
)
_CLUSTER = Row(
    "Pods",
    7,
    (
        lines(
            "Replicas",
            COUNT,
            (
                Query(f"max({AVAILABLE}{{<where>}})", "ready"),
                Query(f"max({WANTED}{{<where>}})", "wanted"),
                Query(f"max(kube_horizontalpodautoscaler_spec_max_replicas{_SCALER})", "HPA maximum"),
            ),
            "Pods that answer, pods that are wanted, and the most that its autoscaler may start.",
            width=6,
            reference=("wanted", "HPA maximum"),
            empty="no Deployment",
        ),
        lines(
            "CPU",
            CORES,
            (
                Query(
                    f"sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{{{_PODS}}}[$__rate_interval]))"
                    f"{_ITS_OWN}",
                    "{{pod}}",
                ),
                Query(f'max(kube_pod_container_resource_limits{{{_PODS},resource="cpu"}}{_ITS_OWN})', "limit"),
            ),
            "Cores that each pod uses, and its limit, where it is slowed down.",
            width=6,
            reference=("limit",),
            empty="no pod",
        ),
        lines(
            "Memory",
            BYTES,
            (
                Query(f"sum by (namespace, pod) (container_memory_working_set_bytes{{{_PODS}}}){_ITS_OWN}", "{{pod}}"),
                Query(f'max(kube_pod_container_resource_limits{{{_PODS},resource="memory"}}{_ITS_OWN})', "limit"),
            ),
            "Memory that each pod uses, and its limit, where it is killed.",
            width=6,
            reference=("limit",),
            empty="no pod",
        ),
        lines(
            "Restarts and waiting pods",
            COUNT,
            (
                Query(f"max({RESTARTS}{{<where>}})", "in the hour before"),
                Query(f"sum by (reason) ({WAITING}{{<where>}})", "waiting: {{reason}}"),
            ),
            "Containers that ended and were started again in the hour before, and pods that wait, with the reason.",
            width=6,
            scale=NONE_EXPECTED,
            empty="no pod",
        ),
    ),
)
_SAID = Row(
    "Alerts and log",
    7,
    (
        alerts_table("<where>", 9, hidden=("environment", "namespace", "agent_id", "owner")),
        Panel(
            "logs",
            "Recent errors",
            "Lines of its log at level error and worse, newest first.",
            LINES,
            (Query('{<where>,level=~"error|critical"}'),),
            15,
            empty="no error in its log",
            scale=PLAIN,
        ),
    ),
)

AGENT = Board(
    "agent",
    "Roster: Agent Detail",
    "One agent: what its callers get, what it spends, what its pods do, and what it said.",
    "agent",
    (_NOW, _REQUESTS, _SAID, _OBJECTIVES, _LOAD, _CLUSTER),
)
