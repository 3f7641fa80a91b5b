"""No container is privileged."""

from __future__ import annotations

from policies.example import alone, deployment, sound_container
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-privileged",
    severity="error",
    why="A privileged container has the node's devices and every capability.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.privileged", None, False),
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.2; Pod Security Standards, baseline",
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"privileged": None})),
)
FAILING = (
    alone(deployment(security={"privileged": True})),
    alone(deployment({"initContainers": [sound_container(security={"privileged": True})]})),
    alone(deployment({"ephemeralContainers": [sound_container(security={"privileged": True})]})),
)
