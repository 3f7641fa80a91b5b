"""No pod has names of its own for addresses."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-host-aliases",
    severity="error",
    why="A name in /etc/hosts leads a client past DNS to an address that nobody reviewed.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("hostAliases", None, [], ()),
    source="Roster",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"hostAliases": []})),
)
FAILING = (alone(deployment({"hostAliases": [{"ip": "10.0.0.1", "hostnames": ["api.example.com"]}]})),)
