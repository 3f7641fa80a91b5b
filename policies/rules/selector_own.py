"""What selects pods or scales a Deployment of an agent means that agent's alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import cilium_policy, deployment, manifest, network_policy, of_agent, of_pool
from policies.manifest_reading import at, mapping
from policies.network_rules import openings
from policies.rule import Manifest, Rule, Subject

_LABEL = "app.kubernetes.io/name"
_SELECTORS: dict[str, tuple[str, ...]] = {
    "Service": ("selector",),
    "PodDisruptionBudget": ("selector", "matchLabels"),
    "NetworkPolicy": ("podSelector", "matchLabels"),
    "CiliumNetworkPolicy": ("endpointSelector", "matchLabels"),
    "Deployment": ("selector", "matchLabels"),
    "AuthorizationPolicy": ("selector", "matchLabels"),
    "PeerAuthentication": ("selector", "matchLabels"),
}
_SCALERS = ("HorizontalPodAutoscaler", "ScaledObject")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    if agent is None:
        if manifest["kind"] == "NetworkPolicy" and subject.pool:
            yield from _of_pool(manifest)
        return
    path = _SELECTORS.get(manifest["kind"])
    if path is None:
        target = mapping(manifest, "spec", "scaleTargetRef")
        if target.get("name") != agent.name or target.get("kind") not in (None, "Deployment"):
            yield f"it scales {target.get('kind') or 'the Deployment'} {target.get('name')}"
    elif at(manifest, "spec", *path, _LABEL) != agent.name:
        yield f"its selector does not name the agent by {_LABEL}"


def _of_pool(manifest: Manifest) -> Iterator[str]:
    """A pool's policy closes for all of its pods; what it opens, it opens for agents."""
    opens = openings(manifest, "ingress") or openings(manifest, "egress")
    if opens and at(manifest, "spec", "podSelector", "matchLabels", "role") != "agent":
        yield "it opens a way for pods that are no agents"


RULE = Rule(
    id="selector-own",
    severity="error",
    why="A wider selector sends callers to other agents' pods, or opens the network for them.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({*_SELECTORS, *_SCALERS}),
    judge=_judge,
    source="Roster",
)

PASSING = (
    of_agent(
        network_policy(), cilium_policy(), deployment(selector={"matchLabels": {"app.kubernetes.io/name": "planner"}})
    ),
    of_agent(manifest("autoscaling/v2", "HorizontalPodAutoscaler", spec={"scaleTargetRef": {"name": "planner"}})),
    of_pool(network_policy(podSelector={})),
)
FAILING = (
    of_pool(network_policy(podSelector={}, egress=[{"to": [{"podSelector": {"matchLabels": {"a": "b"}}}]}])),
    of_agent(manifest("policy/v1", "PodDisruptionBudget", spec={"selector": {"matchLabels": {}}})),
    of_agent(manifest("security.istio.io/v1", "AuthorizationPolicy", spec={})),
    of_agent(manifest("security.istio.io/v1", "PeerAuthentication", spec={})),
    of_agent(network_policy(podSelector={})),
    of_agent(manifest("v1", "Service", spec={"selector": {"role": "agent"}})),
    of_agent(manifest("v1", "Service", spec={})),
    of_agent(cilium_policy(endpointSelector={})),
    of_agent(deployment()),
    of_agent(manifest("keda.sh/v1alpha1", "ScaledObject", spec={"scaleTargetRef": {"name": "helper"}})),
)
