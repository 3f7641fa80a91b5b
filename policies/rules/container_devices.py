"""No container gets a raw disk."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-devices",
    severity="error",
    why="Below the file system there are no permissions.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("volumeDevices", None, [], ()),
    source="Roster",
)

PASSING = (alone(deployment()),)
FAILING = (alone(deployment(container={"volumeDevices": [{"name": "data", "devicePath": "/dev/xvda"}]})),)
