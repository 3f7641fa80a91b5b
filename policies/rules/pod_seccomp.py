"""Pods and all of their containers have a seccomp profile."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import all_of, in_containers, in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-seccomp",
    severity="error",
    why="Without one a container may call all of the kernel, where most ways out of it lie.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=all_of(
        in_pod("securityContext.seccompProfile.type", "RuntimeDefault", "Localhost"),
        in_containers("securityContext.seccompProfile.type", None, "RuntimeDefault", "Localhost"),
    ),
    source=(
        "NSA/CISA 2022, Kubernetes Pod security, Hardening container environments; CIS Kubernetes 1.9 5.7.2; "
        "Pod Security Standards, restricted"
    ),
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"seccompProfile": {"type": "RuntimeDefault"}})),
)
FAILING = (
    alone(deployment(pod_security={"seccompProfile": None})),
    alone(deployment(pod_security={"seccompProfile": {"type": "Unconfined"}})),
    alone(deployment(security={"seccompProfile": {"type": "Unconfined"}})),
)
