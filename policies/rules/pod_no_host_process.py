"""No pod runs as a process of a Windows node."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import all_of, in_containers, in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-no-host-process",
    severity="error",
    why="Such a process is the node's own, outside of any container.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=all_of(
        in_pod("securityContext.windowsOptions.hostProcess", None, False),
        in_containers("securityContext.windowsOptions.hostProcess", None, False),
    ),
    source="CIS Kubernetes 1.9 5.2.11; Pod Security Standards, baseline",
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"windowsOptions": {"hostProcess": False}})),
)
FAILING = (
    alone(deployment(pod_security={"windowsOptions": {"hostProcess": True}})),
    alone(deployment(security={"windowsOptions": {"hostProcess": True}})),
)
