"""Series of agents as their pods, kube-state-metrics and CI give them to Prometheus."""

from __future__ import annotations

from real_prometheus import Growth

COMMIT = "3a0eefdc46" + "0" * 30


def counters(namespace: str, agent: str, pod: str, failing: float, seconds_bucket: str) -> Growth:
    """What an agent's pod counts at each scrape: ten requests, all answered below the bucket's limit."""
    where = (("namespace", namespace), ("agent_id", agent), ("pod", pod))
    buckets = ("1", "2", "3", "5", "+Inf")
    within = buckets[buckets.index(seconds_bucket) :]
    return {
        ("agent_requests_total", (*where, ("status", "200"))): 10.0 - failing,
        ("agent_requests_total", (*where, ("status", "500"))): failing,
        ("agent_errors_total", (*where, ("code", "INTERNAL_ERROR"))): failing,
        **{("agent_processing_seconds_bucket", (*where, ("le", le))): 10.0 * (le in within) for le in buckets},
        ("agent_cost_total", where): 0.02,
        ("agent_tokens_used_total", (*where, ("direction", "input"))): 3000.0,
        ("agent_tokens_used_total", (*where, ("direction", "output"))): 1000.0,
    }


def gauges(namespace: str, agent: str, budget: float, applied: float, wanted: int = 1, available: int = 1) -> Growth:
    """The part of its budget that is used, when CI applied it, and what kube-state-metrics says of its Deployment."""
    space = ("namespace", namespace)
    deployment = (space, ("deployment", agent))
    return {
        ("agent_budget_used_ratio", (space, ("agent_id", agent), ("kind", "cost"))): budget,
        (
            "roster_agent_applied_timestamp_seconds",
            (("environment", "dev"), space, ("agent_id", agent), ("commit", COMMIT)),
        ): applied,
        ("kube_deployment_spec_replicas", deployment): float(wanted),
        ("kube_deployment_status_replicas_available", deployment): float(available),
    }
