"""The PodDisruptionBudget."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import Manifest, metadata, selector


def pod_disruption_budget(agent: ResolvedAgent) -> Manifest | None:
    """One pod at a time may be evicted; None below two pods, where a budget would block node drains."""
    if agent.suspended or agent.schedule or agent.scaling.min < 2:
        return None
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(agent),
        "spec": {
            "maxUnavailable": 1,
            # A pod that is broken anyway must not keep a node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(agent)},
        },
    }
