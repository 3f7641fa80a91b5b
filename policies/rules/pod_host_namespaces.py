"""No pod shares the node's network, processes or IPC."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import all_of, in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-host-namespaces",
    severity="error",
    why="Such a pod passes by every NetworkPolicy, and sees what the node's other processes do.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=all_of(
        in_pod("hostNetwork", None, False),
        in_pod("hostPID", None, False),
        in_pod("hostIPC", None, False),
    ),
    source=(
        "NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.3, 5.2.4, 5.2.5; Pod Security "
        "Standards, baseline"
    ),
)

PASSING = (
    alone(deployment()),
    alone(deployment({"hostNetwork": False})),
)
FAILING = (
    alone(deployment({"hostNetwork": True})),
    alone(deployment({"hostPID": True})),
    alone(deployment({"hostIPC": True})),
    alone(deployment({"hostIPC": "yes"})),
    alone(deployment({"hostPID": 0})),
)
