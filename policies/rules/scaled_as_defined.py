"""An agent has no more and no fewer pods than its definition says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.resolve.resolved import Scaling, Schedule
from policies.example import deployment, manifest, of_agent
from policies.manifest_reading import at
from policies.rule import Manifest, Rule, Subject

# Where each kind says the least and the most, and what an absent one means to Kubernetes or KEDA.
_FIELDS: dict[str, tuple[tuple[str, int], tuple[str, int]]] = {
    "Deployment": (("replicas", 1), ("replicas", 1)),
    "HorizontalPodAutoscaler": (("minReplicas", 1), ("maxReplicas", 0)),
    "ScaledObject": (("minReplicaCount", 0), ("maxReplicaCount", 100)),
}
_PAUSED = "autoscaling.keda.sh/paused-replicas"


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    kind = manifest["kind"]
    if agent is None or (agent.suspended and kind == "Deployment"):
        return
    scaling = agent.scaling
    (least_field, least), (most_field, most) = _FIELDS[kind]
    if kind == "Deployment" and agent.scaled:
        # Left out, because an autoscaler decides it.
        least = most = scaling.max
    # Out of its hours there is no pod.
    fewest = 0 if agent.schedule and kind == "ScaledObject" else scaling.min
    least, most = _given(manifest, least_field, least), _given(manifest, most_field, most)
    if not _number(least) or least < fewest:
        yield f"{least_field} is {least}, and the definition wants {fewest} at the least"
    if not _number(most) or most > scaling.max:
        yield f"{most_field} is {most}, and the definition allows {scaling.max}"
    if kind == "ScaledObject":
        paused = at(manifest, "metadata", "annotations", _PAUSED)
        if paused is not None and not (str(paused).isdecimal() and int(paused) <= scaling.max):
            yield f"{_PAUSED} is {paused}, and the definition allows {scaling.max}"


def _given(manifest: Manifest, field: str, otherwise: int) -> Any:
    value = at(manifest, "spec", field)
    return otherwise if value is None else value


def _number(value: Any) -> bool:
    return type(value) is int


RULE = Rule(
    id="scaled-as-defined",
    severity="error",
    why="Pods beyond the definition's cost what nobody agreed to, and call a provider past what its budget foresaw.",
    fix="Give scaling.min and scaling.max in the definition.",
    kinds=frozenset(_FIELDS),
    judge=_judge,
    field=("scaling",),
    source="Roster",
)

_SOME = Scaling(2, 8, 70, 0, None)
_FIXED = Scaling(2, 2, 0, 0, None)


def _hpa(**spec: object) -> Manifest:
    return manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec=spec)


def _scaled(paused: str = "", **spec: object) -> Manifest:
    made = manifest("keda.sh/v1alpha1", "ScaledObject", spec=spec)
    if paused:
        made["metadata"]["annotations"] = {_PAUSED: paused}
    return made


PASSING = (
    of_agent(deployment(), _hpa(minReplicas=2, maxReplicas=8), scaling=_SOME),
    of_agent(deployment(replicas=2), scaling=_FIXED),
    of_agent(_scaled(minReplicaCount=0, maxReplicaCount=8), scaling=_SOME, schedule=Schedule("", "", "")),
    of_agent(deployment(replicas=0), scaling=_FIXED, suspended="the agent"),
)
FAILING = (
    of_agent(_hpa(minReplicas=2, maxReplicas=9), scaling=_SOME),
    of_agent(_scaled("0", minReplicaCount=2, maxReplicaCount=9), scaling=_SOME, suspended="the agent"),
    of_agent(_hpa(minReplicas=1, maxReplicas=8), scaling=_SOME),
    of_agent(_hpa(maxReplicas=8), scaling=_SOME),
    of_agent(_hpa(minReplicas=2, maxReplicas="8"), scaling=_SOME),
    of_agent(deployment(replicas=3), scaling=_FIXED),
    of_agent(deployment(), scaling=_FIXED),
    of_agent(deployment(replicas=0), scaling=_FIXED),
    of_agent(_scaled(minReplicaCount=2), scaling=_SOME),
    of_agent(_scaled(minReplicaCount=0, maxReplicaCount=8), scaling=_SOME),
    of_agent(_scaled("20", minReplicaCount=2, maxReplicaCount=8), scaling=_SOME),
)
