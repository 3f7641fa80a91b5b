"""An agent on a polling channel has one pod, and never two at once."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import deployment, manifest, of_agent
from policies.manifest_reading import at, same
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    if agent is None or not agent.polling:
        return
    channels = ", ".join(agent.polling)
    field = _MOST.get(manifest["kind"])
    if field:
        most = at(manifest, "spec", field)
        if not (same(most, 1) or same(most, 0) or (most is None and manifest["kind"] == "Deployment")):
            yield f"it polls {channels} and may have {most or 'any number of'} pods"
    if manifest["kind"] == "Deployment" and at(manifest, "spec", "strategy", "type") != "Recreate":
        yield f"it polls {channels}, and a new pod starts before the old one has ended"


_MOST = {"Deployment": "replicas", "HorizontalPodAutoscaler": "maxReplicas", "ScaledObject": "maxReplicaCount"}


RULE = Rule(
    id="polling-channel-single",
    severity="error",
    why=(
        "Two pods that poll with one credential take each other's messages, or are refused by the channel (HTTP 409)."
    ),
    fix="Give scaling.min and scaling.max as 1, or split the agent, each with a credential of its own.",
    kinds=frozenset({"Deployment", "HorizontalPodAutoscaler", "ScaledObject"}),
    judge=_judge,
    field=("scaling",),
    source="Roster",
)

PASSING = (
    of_agent(deployment(strategy={"type": "Recreate"}, replicas=1), polling=("telegram",)),
    of_agent(deployment(strategy={"type": "Recreate"}), polling=("telegram",)),
    of_agent(deployment(replicas=3)),
    of_agent(manifest("keda.sh/v1alpha1", "ScaledObject", spec={"maxReplicaCount": 1}), polling=("telegram",)),
)
FAILING = (
    of_agent(deployment(strategy={"type": "Recreate"}, replicas=2), polling=("telegram",)),
    of_agent(deployment(replicas=1), polling=("telegram",)),
    of_agent(deployment(strategy={"type": "Recreate"}, replicas="many"), polling=("telegram",)),
    of_agent(manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec={"maxReplicas": 3}), polling=("telegram",)),
    of_agent(manifest("keda.sh/v1alpha1", "ScaledObject", spec={}), polling=("telegram",)),
)
