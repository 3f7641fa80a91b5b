"""The Deployment: how pods are replaced, and how many there are when nothing else decides it."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import PREFIX, Manifest, metadata, selector
from components.specs.pod import pod_template

# Time beyond the start that pulling an image and scheduling may take.
_SLACK_SECONDS = 300


def deployment(agent: ResolvedAgent) -> Manifest:
    """The agent's Deployment. `replicas` is left out when an autoscaler owns it: applying would fight it."""
    annotations = {f"{PREFIX}/definition": agent.file, f"{PREFIX}/description": agent.description}
    if agent.secrets:
        # A changed Secret restarts nothing by itself; Reloader does it.
        annotations["secret.reloader.stakater.com/reload"] = agent.name
    meta = metadata(agent, **annotations)
    # Not on pods: another tier with the same resources need not restart them. Alerts find the tier's objectives by it.
    meta["labels"] = {**meta["labels"], f"{PREFIX}/tier": agent.tier}
    spec: Manifest = {}
    if not agent.scaled:
        spec["replicas"] = 0 if agent.suspended else agent.scaling.min
    spec["revisionHistoryLimit"] = 5
    spec["progressDeadlineSeconds"] = agent.startup_seconds + _SLACK_SECONDS
    spec["strategy"] = _strategy(agent)
    spec["selector"] = {"matchLabels": selector(agent)}
    spec["template"] = pod_template(agent)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


def _strategy(agent: ResolvedAgent) -> Manifest:
    if agent.single:
        return {"type": "Recreate"}
    return {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
