"""Where an alert leads: its runbook, its dashboard, the history of the agent's file."""

from __future__ import annotations

from collections.abc import Mapping

from components.definition.platform_settings import PlatformSettings
from components.specs.monitoring.alert import Alert
from components.specs.names import PREFIX

# Prometheus tells templates the labels of the series, and not those that the rule adds.
_AGENT = "{{ $labels.agent_id }}"
_NAMESPACE = "{{ $labels.namespace }}"


def alert_annotations(alert: Alert, settings: PlatformSettings, labels: Mapping[str, str]) -> dict[str, str]:
    """The annotations of an alert: what it says, and where to go on. `labels` are those that its rule adds."""
    found = {"summary": alert.summary}
    if alert.description:
        found["description"] = alert.description
    found["runbook_url"] = settings.runbooks.replace("{alert}", alert.name)
    return {**found, **links(alert.dashboard, alert.scope, settings, labels)}


def links(dashboard: str, scope: str, settings: PlatformSettings, labels: Mapping[str, str]) -> dict[str, str]:
    """Where an alert of this scope leads besides its runbook; just what the catalog names an address for."""
    found = {}
    agent = labels.get("agent_id", _AGENT)
    if settings.monitoring.grafana:
        found["dashboard_url"] = f"{settings.monitoring.grafana.rstrip('/')}/d/{dashboard_uid(dashboard)}"
        if scope == "agent":
            found["dashboard_url"] += f"?var-namespace={labels['namespace']}&var-agent={agent}"
        elif dashboard == "pool":
            found["dashboard_url"] += f"?var-namespace={labels.get('namespace', _NAMESPACE)}"
    if settings.monitoring.source and scope == "agent":
        path = f"agents/{labels['pool']}/{agent}.yaml"
        found["changes_url"] = settings.monitoring.source.replace("{path}", path)
    return found


def dashboard_uid(name: str) -> str:
    """The uid of a dashboard: agent, pool, overview, security, cost, deployments. It never changes."""
    return f"{PREFIX}-{name}"
