"""No container adds a capability."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-capabilities-added",
    severity="error",
    why="Each capability is a part of root.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.capabilities.add", None, [], ()),
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.9; Pod Security Standards, restricted",
)

PASSING = (
    alone(deployment()),
    alone(deployment(security={"capabilities": {"drop": ["ALL"], "add": []}})),
)
FAILING = (
    alone(deployment(security={"capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}})),
    alone(deployment(security={"capabilities": {"drop": ["ALL"], "add": ["NET_BIND_SERVICE"]}})),
)
