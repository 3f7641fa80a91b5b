"""The pool's dashboard, as a ConfigMap that Grafana's sidecar picks up."""

from __future__ import annotations

import json
from typing import Any

from components.specs.names import Manifest

# (title, unit, expression); {namespace} is filled in. Two panels a row.
_PANELS = (
    (
        "Requests a second by agent",
        "reqps",
        'sum by (agent_id) (rate(agent_requests_total{{namespace="{namespace}"}}[5m]))',
    ),
    (
        "Failed requests by agent",
        "percentunit",
        (
            'sum by (agent_id) (rate(agent_errors_total{{namespace="{namespace}"}}[5m]))'
            ' / sum by (agent_id) (rate(agent_requests_total{{namespace="{namespace}"}}[5m]))'
        ),
    ),
    (
        "95th percentile of response time by agent",
        "s",
        (
            "histogram_quantile(0.95, sum by (agent_id, le) "
            '(rate(agent_processing_seconds_bucket{{namespace="{namespace}"}}[5m])))'
        ),
    ),
    (
        "Tokens a minute by agent",
        "short",
        '60 * sum by (agent_id) (rate(agent_tokens_used_total{{namespace="{namespace}"}}[5m]))',
    ),
    (
        "Pods that are ready",
        "short",
        'sum by (deployment) (kube_deployment_status_replicas_available{{namespace="{namespace}"}})',
    ),
    (
        "Memory by pod",
        "bytes",
        'sum by (pod) (container_memory_working_set_bytes{{namespace="{namespace}",container="agent"}})',
    ),
)
_WIDTH, _HEIGHT = 12, 8


def pool_dashboard(meta: Manifest, pool: str, namespace: str) -> Manifest:
    """A ConfigMap that holds the dashboard's JSON."""
    dashboard = {
        "uid": f"roster-{namespace}",
        "title": f"Roster: {pool}",
        "tags": ["roster"],
        "timezone": "utc",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "panels": [_panel(index, namespace) for index in range(len(_PANELS))],
    }
    labelled = {**meta, "labels": {**meta["labels"], "grafana_dashboard": "1"}}
    text = json.dumps(dashboard, indent=1) + "\n"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labelled, "data": {f"{namespace}.json": text}}


def _panel(index: int, namespace: str) -> dict[str, Any]:
    title, unit, expression = _PANELS[index]
    return {
        "id": index + 1,
        "type": "timeseries",
        "title": title,
        "gridPos": {"x": _WIDTH * (index % 2), "y": _HEIGHT * (index // 2), "w": _WIDTH, "h": _HEIGHT},
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "targets": [{"refId": "A", "expr": expression.format(namespace=namespace)}],
    }
