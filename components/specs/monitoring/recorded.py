"""Series that Prometheus records for each agent of a pool; alerts and dashboards read these.

Sources: the runtime's own metrics (`agent_*`) and `up`, scraped through the pool's PodMonitor, which adds agent_id; the
cluster's kube-state-metrics (`kube_*`); the kubelet itself (`kubelet_volume_*`) and its cAdvisor (`container_*`). Those
of the cluster name pods and Deployments; a Deployment has its agent's name, and a ReplicaSet that of its Deployment
with a hash behind.
"""

from __future__ import annotations

from dataclasses import dataclass

# Answers that the caller brought about; they count as requests, not as failures of the agent.
CALLER_FAULTS = (
    "INVALID_REQUEST",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "NOT_FOUND",
    "METHOD_NOT_ALLOWED",
    "UNSUPPORTED_MEDIA_TYPE",
    "REQUEST_TIMEOUT",
    "TASK_TOO_LONG",
    "BODY_TOO_LARGE",
    "CONTENT_BLOCKED",
    "RATE_LIMIT_EXCEEDED",
    "BUDGET_SPENT",
)
_CALLERS = "|".join(CALLER_FAULTS)
BY = "by (namespace, agent_id)"
# How far back a gauge is looked for: as long as two scrapes of a minute may fail before an alert is disturbed.
GAP = "3m"
# The days, before today, whose costs at this hour are what is usual: yesterday, a weekday, the same day of the week.
USUAL_DAYS = (1, 3, 7)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recorded series; <where> stands for the matchers of the pool."""

    name: str
    expression: str


def lasting(series: str) -> str:
    """A gauge, with its last value while scrapes fail."""
    return f"last_over_time({series}[{GAP}])"


def carried(expression: str, name: str, series: str) -> str:
    """What is recorded under the name; as it was last while kube-state-metrics says nothing of the namespace.

    Of a namespace without agents it still says that it is there. Both are looked for in the same way, or one of them
    would seem to be there after the other is gone.
    """
    phase = "kube_namespace_status_phase{<where>}"
    there = f"{series} or {lasting(phase) if series.startswith('last_over_time') else phase}"
    return f"({expression}) or ({name}{{<where>}} unless on (namespace) group by (namespace) ({there}))"


def reported(series: str) -> str:
    """A series of kube-state-metrics that is there only while something is so; as it was while scrapes fail."""
    scraped = "group by (namespace) (kube_pod_owner{<where>})"
    return f"({series} or ({lasting(series)} unless on (namespace) {scraped}))"


def of_deployment(series: str) -> str:
    """The series of a Deployment, with its name as agent_id."""
    return f'label_replace({series}, "agent_id", "$1", "deployment", "(.+)")'


def of_pod(series: str) -> str:
    """The series of pods (namespace, pod, …), with the agent_id of each pod's agent."""
    return f"{series} * on (namespace, pod) group_left (agent_id) roster:pod:agent{{<where>}}"


def growth(counter: str, minutes: int) -> str:
    """How much a counter grew a second, over so many minutes, each of its series by itself.

    Many counters begin with their first event, not with 0, and `rate` misses all that was counted until then. So a
    series that a pod did not have yet at the beginning, though it was scraped then, has grown by all that it says.
    """
    before = f"offset {minutes}m"
    new = f"({counter} unless {counter} {before}) and on (namespace, pod) (up{{<where>}} {before} == 1)"
    return f"(({new}) / {60 * minutes} or rate({counter}[{minutes}m]))"


def _claim(what: str) -> str:
    """Bytes of the agents' disks: a claim has its agent's name."""
    series = lasting(f"kubelet_volume_stats_{what}_bytes{{<where>}}")
    return f'label_replace({series}, "agent_id", "$1", "persistentvolumeclaim", "(.+)")'


def _at_maximum() -> str:
    """How many pods an agent has that wants more than it may. KEDA gives its autoscalers names of their own."""

    def figure(series: str, matchers: str = "") -> str:
        found = lasting(f"kube_horizontalpodautoscaler_{series}{{<where>{matchers}}}")
        return f"max by (namespace, horizontalpodautoscaler) ({found})"

    pods, most, least = map(figure, ("status_desired_replicas", "spec_max_replicas", "spec_min_replicas"))
    # It says that more (or fewer) are wanted than may be; and a fixed number is no maximum.
    limited = figure("status_condition", ',condition="ScalingLimited",status="true"')
    target = lasting('kube_horizontalpodautoscaler_info{<where>,scaletargetref_kind="Deployment"}')
    agents = (
        "max by (namespace, horizontalpodautoscaler, agent_id) "
        f'(label_replace({target}, "agent_id", "$1", "scaletargetref_name", "(.+)"))'
    )
    found = f"({pods} >= {most} > {least} and {limited} == 1)"
    return f"max {BY} ({found} * on (namespace, horizontalpodautoscaler) group_left (agent_id) {agents})"


def _usual(series: str) -> str:
    """The most that a series was within half an hour of this time, on the days that are compared."""
    days = (
        f'label_replace(max_over_time({series}[1h] offset {24 * day - 1}h30m), "day", "{day}", "", "")'
        for day in USUAL_DAYS
    )
    return f"max {BY} ({' or '.join(days)})"


_LABELS = of_deployment('kube_deployment_labels{<where>,label_app_kubernetes_io_component="agent"}')
_OWNER = f'label_replace({_LABELS}, "owner", "$1", "label_roster_owner", "(.+)")'
_TIER = f'label_replace({_OWNER}, "tier", "$1", "label_roster_tier", "(.+)")'
_OF_REPLICA_SET = lasting('kube_pod_owner{<where>,owner_kind="ReplicaSet"}')
# `max`, for a restarted exporter or container is there twice for a while.
_LIMIT = 'kube_pod_container_resource_limits{<where>,container="agent",resource="<what>"}'
_LIMITS = f"max by (namespace, pod) ({lasting(_LIMIT)})"
_CPU = 'sum by (namespace, pod) (rate(container_cpu_usage_seconds_total{<where>,container="agent"}[5m]))'
_WORKING_SET = 'container_memory_working_set_bytes{<where>,container="agent"}'
_MEMORY = f"max by (namespace, pod) ({lasting(_WORKING_SET)})"
_BUCKETS = "sum by (namespace, agent_id, le) (rate(agent_processing_seconds_bucket{<where>}[5m]))"
_REASONS = f"max by (namespace, pod, reason) ({reported('kube_pod_container_status_waiting_reason{<where>}')})"
_NO_NODE = f"max by (namespace, pod) ({reported('kube_pod_status_unschedulable{<where>}')})"
_ENDED = reported("kube_pod_container_status_last_terminated_reason{<where>}")
_ENDS = f"max by (namespace, pod, reason) ({_ENDED})"
_RESTARTS = "sum by (namespace, pod) (increase(kube_pod_container_status_restarts_total{<where>}[1h]))"
_ROLLING_OUT = lasting(
    'kube_deployment_status_condition{<where>,condition="Progressing",status="true",reason="ReplicaSetUpdated"}'
)
_UP = 'up{<where>,agent_id!=""}'

AGENT = "roster:agent:seen"
OWNER = "roster:agent:owner"
POD = "roster:pod:agent"
WANTED = "roster:agent:pods_wanted"
AVAILABLE = "roster:agent:pods_available"
DOWN = "roster:agent:down"
# With the label reason: what kubelet says that a container waits for, or Unschedulable.
WAITING = "roster:agent_reason:pods_waiting"
# With the label reason: how the container before this one ended, such as OOMKilled.
ENDED = "roster:agent_reason:pods_ended"
SCRAPED = "roster:agent:pods_scraped"
REQUESTS = "roster:agent:requests:rate5m"
# With the label code.
ERRORS = "roster:agent_code:errors:rate5m"
FAILURES = f'{ERRORS}{{<where>,code!~"{_CALLERS}"}}'
REFUSALS = f'{ERRORS}{{<where>,code=~"{_CALLERS}"}}'
FAILED = "roster:agent:failures:rate5m"
REFUSED = "roster:agent:refusals:rate5m"
ERROR_RATIO = "roster:agent:error_ratio:rate5m"
TASK_FAILURE_RATIO = "roster:agent:task_failure_ratio:rate5m"
P95 = "roster:agent:seconds:p95_5m"
CPU = "roster:agent:cpu_ratio:rate5m"
MEMORY = "roster:agent:memory_ratio"
VOLUME = "roster:agent:volume_ratio"
# How many pods an agent has that wants more than it may have.
AT_MAXIMUM = "roster:agent:at_maximum"
RESTARTS = "roster:agent:restarts:increase1h"
COST = "roster:agent:cost:rate1h"
USUAL_COST = "roster:agent:usual_cost:rate1h"
# When the agent's pods last shared their limits, within a day.
SHARED = "roster:agent:limits_shared:timestamp"

_WITHOUT = f"(({AVAILABLE}{{<where>}} == bool 0) and min_over_time({WANTED}{{<where>}}[5m]) > 0)"

# In the order of evaluation: what others read comes first.
RECORDED: tuple[Recorded, ...] = (
    # When the agent was last seen, with its owner and tier. The value tells the newest where labels changed.
    Recorded(
        AGENT,
        carried(
            f"max by (namespace, agent_id, owner, tier) ({_TIER}) * 0 + time()",
            AGENT,
            "kube_deployment_labels{<where>}",
        ),
    ),
    # For alerts: one owner each, also while labels change.
    Recorded(
        OWNER,
        f'group by (namespace, agent_id, owner) (topk by (namespace, agent_id) (1, {AGENT}{{<where>,owner!=""}}))',
    ),
    Recorded(
        POD,
        "max by (namespace, pod, agent_id) "
        f'(label_replace({_OF_REPLICA_SET}, "agent_id", "$1", "owner_name", "(.+)-[a-z0-9]+"))',
    ),
    Recorded(
        WANTED,
        carried(
            f"max {BY} ({of_deployment(lasting('kube_deployment_spec_replicas{<where>}'))})",
            WANTED,
            lasting("kube_deployment_spec_replicas{<where>}"),
        ),
    ),
    Recorded(
        AVAILABLE,
        carried(
            f"max {BY} ({of_deployment(lasting('kube_deployment_status_replicas_available{<where>}'))})",
            AVAILABLE,
            lasting("kube_deployment_spec_replicas{<where>}"),
        ),
    ),
    # Not while it starts: the first pods of a rollout, or of an agent that was scaled to none.
    Recorded(
        DOWN,
        f"({_WITHOUT} unless on (namespace, agent_id) {of_deployment(_ROLLING_OUT)} == 1) or 0 * {_WITHOUT}",
    ),
    Recorded(
        WAITING,
        "sum by (namespace, agent_id, reason) ("
        + of_pod(f'({_REASONS} or label_replace({_NO_NODE}, "reason", "Unschedulable", "", ""))')
        + ")",
    ),
    Recorded(ENDED, f"sum by (namespace, agent_id, reason) ({of_pod(_ENDS)})"),
    # An agent that gave metrics within the hour and is no target any more has none that is scraped.
    Recorded(SCRAPED, f"sum {BY} ({_UP}) or 0 * max {BY} (present_over_time({_UP}[1h]))"),
    Recorded(REQUESTS, f"sum {BY} ({growth('agent_requests_total{<where>}', 5)})"),
    Recorded(ERRORS, f"sum by (namespace, agent_id, code) ({growth('agent_errors_total{<where>}', 5)})"),
    Recorded(FAILED, f"sum {BY} ({FAILURES})"),
    Recorded(REFUSED, f"sum {BY} ({REFUSALS})"),
    Recorded(ERROR_RATIO, f"({FAILED}{{<where>}} or 0 * {REQUESTS}{{<where>}}) / ({REQUESTS}{{<where>}} > 0)"),
    Recorded(
        TASK_FAILURE_RATIO,
        f"clamp_max({FAILED}{{<where>}} / "
        f"({REQUESTS}{{<where>}} - ({REFUSED}{{<where>}} or 0 * {REQUESTS}{{<where>}}) > 0), 1)",
    ),
    Recorded(P95, f"histogram_quantile(0.95, {_BUCKETS})"),
    Recorded(CPU, f"max {BY} ({of_pod(f'({_CPU} / ' + _LIMITS.replace('<what>', 'cpu') + ')')})"),
    Recorded(MEMORY, f"max {BY} ({of_pod(f'({_MEMORY} / ' + _LIMITS.replace('<what>', 'memory') + ')')})"),
    Recorded(VOLUME, f"max {BY} ({_claim('used')}) / (max {BY} ({_claim('capacity')}) > 0)"),
    Recorded(AT_MAXIMUM, _at_maximum()),
    Recorded(RESTARTS, f"round(sum {BY} ({of_pod(_RESTARTS)}))"),
    Recorded(COST, f"sum {BY} (rate(agent_cost_total{{<where>}}[1h]))"),
    Recorded(USUAL_COST, _usual(f"{COST}{{<where>}}")),
    # Carried on from one evaluation to the next: looking back over a day would cost a hundred times as much.
    Recorded(
        SHARED,
        f"(max {BY} (agent_redis_up{{<where>}}) == 1) * 0 + time() or {SHARED}{{<where>}} > time() - 86400",
    ),
)
