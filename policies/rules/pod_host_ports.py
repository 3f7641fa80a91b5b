"""No container takes a port of its node."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for port in mappings(container, "ports"):
            if port.get("hostPort") or port.get("hostIP"):
                yield f"{what} takes port {port.get('hostPort')} of its node"


RULE = Rule(
    id="pod-host-ports",
    severity="error",
    why="It is reached past every NetworkPolicy and Service, by whoever reaches the node.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.13; Pod Security Standards, baseline",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(container={"ports": [{"containerPort": 8080, "hostPort": 8080}]})),
    alone(deployment(container={"ports": [{"containerPort": 1}, {"containerPort": 8080, "hostPort": "80"}]})),
)
