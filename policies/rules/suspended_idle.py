"""A suspended agent has no pods, is reached by nobody and reaches nothing."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import cilium_policy, deployment, manifest, network_policy, of_agent
from policies.manifest_reading import at, same, shown
from policies.network_rules import POLICIES, Side, openings
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    if subject.agent is None or not subject.agent.suspended:
        return
    kind = manifest["kind"]
    if kind == "Deployment" and not same(at(manifest, "spec", "replicas"), 0):
        yield f"it is suspended and has replicas: {at(manifest, 'spec', 'replicas')}"
    elif kind == "ScaledObject":
        paused = at(manifest, "metadata", "annotations", _PAUSED)
        if paused != "0":
            yield f"it is suspended, and KEDA is not told {_PAUSED}: 0 but {shown(paused)}"
    elif kind in _STARTS:
        yield "it is suspended, and this starts its pods or lets callers in"
    elif kind in POLICIES:
        for side in _SIDES:
            if openings(manifest, side):
                yield f"it is suspended, and the policy has rules for {side}"


_PAUSED = "autoscaling.keda.sh/paused-replicas"
_STARTS = frozenset({"HorizontalPodAutoscaler", "HTTPRoute"})
_SIDES: tuple[Side, ...] = ("ingress", "egress")


RULE = Rule(
    id="suspended-idle",
    severity="error",
    why="A kill switch that leaves a way open, or something that starts pods again, has not stopped the agent.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"Deployment", "HorizontalPodAutoscaler", "ScaledObject", "HTTPRoute", *POLICIES}),
    judge=_judge,
    field=("suspended",),
    source="Roster",
)


def _scaled(**annotations: str) -> Manifest:
    made = manifest("keda.sh/v1alpha1", "ScaledObject", spec={})
    made["metadata"]["annotations"] = annotations
    return made


PASSING = (
    of_agent(deployment(replicas=0), network_policy(), suspended="the agent"),
    of_agent(_scaled(**{_PAUSED: "0"}), suspended="the agent"),
    of_agent(_scaled()),
    of_agent(deployment(replicas=2)),
)
FAILING = (
    of_agent(manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec={}), suspended="the agent"),
    of_agent(cilium_policy(egress=[{"toEntities": ["world"]}]), suspended="the agent"),
    of_agent(deployment(replicas=1), suspended="the agent"),
    of_agent(deployment(), suspended="the pool business"),
    of_agent(manifest("keda.sh/v1alpha1", "ScaledObject", spec={}), suspended="the agent"),
    of_agent(_scaled(**{_PAUSED: "1"}), suspended="the agent"),
    of_agent(_scaled(**{"autoscaling.keda.sh/paused": "true"}), suspended="the agent"),
    of_agent(manifest("gateway.networking.k8s.io/v1", "HTTPRoute", spec={}), suspended="the agent"),
    of_agent(network_policy(egress=[{"to": [{"podSelector": {}}]}]), suspended="the agent"),
    of_agent(network_policy(ingress=[{}]), suspended="the agent"),
)
