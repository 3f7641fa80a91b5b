"""Nothing runs as user 0."""

from __future__ import annotations

from policies.example import alone, deployment, sound_container
from policies.pod_fields import not_in_pod_or_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-user-not-root",
    severity="error",
    why="Number 0 is root, whatever runAsNonRoot says of the image.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=not_in_pod_or_containers("securityContext.runAsUser", 0),
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Non-root containers; CIS Kubernetes 1.9 5.2.7; Pod Security "
        "Standards, restricted"
    ),
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(pod_security={"runAsUser": 0})),
    alone(deployment(security={"runAsUser": 0})),
    alone(deployment({"initContainers": [sound_container(security={"runAsUser": 0})]})),
)
