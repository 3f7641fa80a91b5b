"""Alert rules: one set a pool, written by agent; a small one of its own for an agent that differs."""

from __future__ import annotations

from dataclasses import dataclass

from components.definition.catalog import PlatformSettings
from components.resolve.resolved import ResolvedAgent
from components.specs.names import PREFIX, Manifest, metadata

# An agent's own rule leaves this series, and the pool's rule looks away from agents that have it.
OWN = f"{PREFIX}_own_alert"


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert. `expression` yields one series an agent with the label `agent_id`; {who} selects agents."""

    name: str
    threshold: str
    severity: str
    minutes: int
    expression: str
    compare: str
    summary: str


_ERRORS = "sum by (agent_id) (rate(agent_errors_total{{{who}}}[5m]))"
_REQUESTS = "sum by (agent_id) (rate(agent_requests_total{{{who}}}[5m]))"
_BUCKETS = "sum by (agent_id, le) (rate(agent_processing_seconds_bucket{{{who}}}[5m]))"
# Container series name the pod; the pod's name starts with its agent's.
_NAMED = 'label_replace({series}, "agent_id", "$1", "pod", "(.+)-[a-z0-9]+-[a-z0-9]{{{{5}}}}")'
_CPU = _NAMED.format(series='sum by (pod) (rate(container_cpu_usage_seconds_total{{container="agent",{where}}}[5m]))')
_CPU_LIMIT = _NAMED.format(
    series='sum by (pod) (kube_pod_container_resource_limits{{resource="cpu",container="agent",{where}}})'
)
_MEMORY = _NAMED.format(series='sum by (pod) (container_memory_working_set_bytes{{container="agent",{where}}})')
_MEMORY_LIMIT = _NAMED.format(
    series='sum by (pod) (kube_pod_container_resource_limits{{resource="memory",container="agent",{where}}})'
)

ALERTS = (
    Alert(
        "AgentDown",
        "down_minutes",
        "critical",
        0,
        "label_replace(kube_deployment_status_replicas_available{{{where_deployment}}} == 0 and "
        'kube_deployment_spec_replicas{{{where_deployment}}} > 0, "agent_id", "$1", "deployment", "(.+)")',
        "",
        "{{ $labels.agent_id }} has no pod that answers",
    ),
    Alert(
        "HighErrorRate",
        "error_rate_percent",
        "critical",
        5,
        f"100 * {_ERRORS} / {_REQUESTS}",
        ">",
        "{{ $labels.agent_id }} fails {{ $value | humanize }} % of its requests",
    ),
    Alert(
        "HighResponseTime",
        "p95_seconds",
        "warning",
        5,
        f"histogram_quantile(0.95, {_BUCKETS})",
        ">",
        "{{ $labels.agent_id }} takes {{ $value | humanizeDuration }} at the 95th percentile",
    ),
    Alert(
        "HighCPUUsage",
        "cpu_percent",
        "warning",
        10,
        f"100 * max by (agent_id) ({_CPU} / on (pod, agent_id) {_CPU_LIMIT})",
        ">",
        "{{ $labels.agent_id }} uses {{ $value | humanize }} % of its CPU limit",
    ),
    Alert(
        "HighMemoryUsage",
        "memory_percent",
        "warning",
        10,
        f"100 * max by (agent_id) ({_MEMORY} / on (pod, agent_id) {_MEMORY_LIMIT})",
        ">",
        "{{ $labels.agent_id }} uses {{ $value | humanize }} % of its memory limit",
    ),
    Alert(
        "QueueDepth",
        "queue_depth",
        "warning",
        5,
        "sum by (agent_id) (agent_queue_depth{{{who}}})",
        ">",
        "{{ $labels.agent_id }} has {{ $value }} tasks waiting",
    ),
)


def own_rules(agent: ResolvedAgent) -> Manifest | None:
    """The rules of an agent whose thresholds differ from its pool's; None when none does."""
    chosen = [alert for alert in ALERTS if alert.threshold in agent.own_alerts]
    if not chosen or agent.suspended:
        return None
    rules: list[Manifest] = [
        {
            "record": OWN,
            "expr": "vector(1)",
            "labels": {"agent_id": agent.name, "alert": alert.name, "namespace": agent.namespace},
        }
        for alert in chosen
    ]
    rules += [
        _rule(alert, agent.own_alerts[alert.threshold], agent.namespace, agent.name, agent.owner, agent.settings)
        for alert in chosen
    ]
    return prometheus_rule(metadata(agent), f"{agent.namespace}.{agent.name}", rules)


def pool_rules(meta: Manifest, namespace: str, owner: str, settings: PlatformSettings) -> Manifest:
    """The rules of a pool: they cover all its agents, and look away from those with a rule of their own."""
    thresholds = settings.alerts.model_dump(exclude_none=True)
    rules = [
        _rule(alert, thresholds[alert.threshold], namespace, "", owner, settings)
        for alert in ALERTS
        if alert.threshold in thresholds
    ]
    return prometheus_rule(meta, namespace, rules)


def prometheus_rule(meta: Manifest, group: str, rules: list[Manifest]) -> Manifest:
    """A PrometheusRule with one group."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": meta,
        "spec": {"groups": [{"name": group, "rules": rules}]},
    }


def _rule(alert: Alert, limit: float, namespace: str, agent: str, owner: str, settings: PlatformSettings) -> Manifest:
    where = f'namespace="{namespace}"'
    expression = alert.expression.format(
        who=f'{where},agent_id="{agent}"' if agent else where,
        where=f'{where},pod=~"{agent}-[a-z0-9]+-[a-z0-9]{{5}}"' if agent else where,
        where_deployment=f'{where},deployment="{agent}"' if agent else where,
    )
    if alert.compare:
        expression = f"{expression} {alert.compare} {limit:.15g}"
    if not agent:
        expression = f'({expression}) unless on (agent_id) {OWN}{{alert="{alert.name}",{where}}}'
    minutes = alert.minutes or int(limit)
    return {
        "alert": alert.name,
        "expr": expression,
        "for": f"{minutes}m",
        "labels": {"severity": alert.severity, "owner": owner, "namespace": namespace},
        "annotations": {
            "summary": alert.summary,
            "runbook_url": settings.runbooks.replace("{alert}", alert.name),
        },
    }
