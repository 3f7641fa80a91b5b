"""No pod sets parameters of the kernel."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-sysctls",
    severity="error",
    why="Some of them hold for the whole node, and are a way into it.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("securityContext.sysctls", None, [], ()),
    source="NSA/CISA 2022, Pod security enforcement; Pod Security Standards, baseline",
)

PASSING = (
    alone(deployment()),
    alone(deployment(pod_security={"sysctls": []})),
)
FAILING = (alone(deployment(pod_security={"sysctls": [{"name": "kernel.msgmax", "value": "1"}]})),)
