"""Autoscaling: a HorizontalPodAutoscaler, or KEDA's ScaledObject for queues and schedules; never both."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.resolve.templates import fill_queue
from components.specs.names import CONTAINER, Manifest, metadata

_SCALE_DOWN_SECONDS = 300
# By it KEDA keeps so many pods, whatever its triggers say.
_PAUSED = "autoscaling.keda.sh/paused-replicas"


def horizontal_pod_autoscaler(agent: ResolvedAgent) -> Manifest | None:
    """Scaling by CPU and memory; None when the number of pods is fixed or KEDA decides it."""
    if not agent.scaled or agent.scaling.queue or agent.schedule:
        return None
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": agent.name},
        "minReplicas": agent.scaling.min,
        "maxReplicas": agent.scaling.max,
        "metrics": [
            _metric(agent, name, share)
            for name, share in (("cpu", agent.scaling.cpu), ("memory", agent.scaling.memory))
            if share
        ],
        "behavior": {"scaleDown": {"stabilizationWindowSeconds": _SCALE_DOWN_SECONDS}},
    }
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": metadata(agent),
        "spec": spec,
    }


def _metric(agent: ResolvedAgent, name: str, share: int) -> Manifest:
    target = {"type": "Utilization", "averageUtilization": share}
    if agent.network.mesh is None:
        return {"type": "Resource", "resource": {"name": name, "target": target}}
    # The percentage is of the agent's own request; its sidecar's share would shift it.
    counted = {"name": name, "container": CONTAINER, "target": target}
    return {"type": "ContainerResource", "containerResource": counted}


def scaled_object(agent: ResolvedAgent) -> Manifest | None:
    """Scaling by a queue's length or by the clock; None when neither is asked for.

    Of a suspended agent it stays, paused at no pods: objects are deleted last, and until then KEDA would start pods
    again, which nothing stops any more once it is gone.
    """
    if not (agent.scaling.queue or agent.schedule):
        return None
    triggers: list[Manifest] = []
    queue = agent.scaling.queue
    if queue:
        filled = {key: fill_queue(value, queue.name, queue.length) for key, value in queue.spec.metadata.items()}
        trigger: Manifest = {"type": queue.spec.scaler, "metadata": filled}
        if queue.spec.authentication:
            trigger["authenticationRef"] = {"name": agent.name}
        triggers.append(trigger)
    if agent.schedule:
        when = agent.schedule
        hours = {"timezone": when.timezone, "start": when.start, "end": when.stop}
        triggers.append({"type": "cron", "metadata": {**hours, "desiredReplicas": str(max(1, agent.scaling.min))}})
        if agent.scaling.max > agent.scaling.min and not queue:
            counted = {"containerName": CONTAINER} if agent.network.mesh else {}
            triggers += [
                {"type": name, "metricType": "Utilization", "metadata": {"value": str(share), **counted}}
                for name, share in (("cpu", agent.scaling.cpu), ("memory", agent.scaling.memory))
                if share
            ]
    spec = {
        "scaleTargetRef": {"name": agent.name},
        "minReplicaCount": 0 if agent.schedule else agent.scaling.min,
        "maxReplicaCount": agent.scaling.max,
        "cooldownPeriod": _SCALE_DOWN_SECONDS,
        "triggers": triggers,
    }
    meta = metadata(agent, **{_PAUSED: "0"}) if agent.suspended else metadata(agent)
    return {"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "metadata": meta, "spec": spec}


def trigger_authentication(agent: ResolvedAgent) -> Manifest | None:
    """How KEDA connects to the queue: by the agent's own Secret."""
    queue = agent.scaling.queue
    if queue is None or not queue.spec.authentication:
        return None
    references = [
        {"parameter": parameter, "name": agent.name, "key": env} for parameter, env in queue.spec.authentication.items()
    ]
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "TriggerAuthentication",
        "metadata": metadata(agent),
        "spec": {"secretTargetRef": references},
    }
