"""The rules of a small fleet in production, as Prometheus is given them."""

from __future__ import annotations

from functools import cache
from typing import Any

from small_fleet import MINIMAL, fleet, resolved

from components.specs import agent_manifests, platform_manifests, pool_manifests

# An agent to which no threshold of its pool applies.
PARTICULAR = (
    MINIMAL
    + """\
scaling: {min: 1, max: 1}
storage: {volume: {size: 5Gi, path: /data}}
alerts:
  down_minutes: 10
  error_rate_percent: 50
  failed_executions_percent: 40
  p95_seconds: 60
  queue_depth: 5
  cpu_percent: 95
  memory_percent: 95
  restarts_per_hour: 10
  at_maximum_minutes: 30
  volume_percent: 95
  budget_percent: 50
  cost_times: 10
  safety_findings_per_hour: 500
  rate_limited_per_minute: 600
  unauthorized_per_minute: 300
"""
)


@cache
def groups() -> list[dict[str, Any]]:
    """The groups of pool business, of its agent particular, and of the platform, in the order of evaluation."""
    catalog = fleet({}).catalog
    manifests = [
        *agent_manifests(resolved(PARTICULAR, name="particular")),
        *pool_manifests("business", "prod", catalog),
        *platform_manifests("prod", catalog),
    ]
    rules = [one for one in manifests if one["kind"] == "PrometheusRule"]
    return [group for one in rules for group in one["spec"]["groups"]]
