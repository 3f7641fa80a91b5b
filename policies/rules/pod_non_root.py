"""Pods and all of their containers run as non-root."""

from __future__ import annotations

from policies.example import alone, deployment, sound_container
from policies.pod_fields import all_of, in_containers, in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-non-root",
    severity="error",
    why="Root in a container is one fault of the runtime away from root on the node.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=all_of(
        in_pod("securityContext.runAsNonRoot", True),
        in_containers("securityContext.runAsNonRoot", None, True),
    ),
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Non-root containers; CIS Kubernetes 1.9 5.2.7; Pod Security "
        "Standards, restricted"
    ),
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"runAsNonRoot": True})),
)
FAILING = (
    alone(deployment(pod_security={"runAsNonRoot": False})),
    alone(deployment(pod_security={"runAsNonRoot": None})),
    alone(deployment(security={"runAsNonRoot": False})),
    alone(deployment({"initContainers": [sound_container(security={"runAsNonRoot": False})]})),
)
