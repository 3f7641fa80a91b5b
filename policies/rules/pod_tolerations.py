"""No agent runs on nodes that are kept free of it."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

_CONTROL_PLANE = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for toleration in mappings(pod_spec(manifest), "tolerations"):
        key = toleration.get("key")
        if not key:
            yield "the pod tolerates every taint"
        elif key in _CONTROL_PLANE:
            yield f"the pod tolerates {key}"


RULE = Rule(
    id="pod-tolerations",
    severity="error",
    why="Taints keep agents off the control plane; a toleration of everything, or of that taint, takes them there.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Control plane hardening",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"tolerations": [{"key": "agents", "operator": "Exists"}]})),
)
FAILING = (
    alone(deployment({"tolerations": [{"operator": "Exists"}]})),
    alone(deployment({"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists"}]})),
)
