"""No pod is rendered with a debugging container."""

from __future__ import annotations

from policies.example import alone, deployment, sound_container
from policies.pod_fields import in_pod
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="pod-no-ephemeral-containers",
    severity="error",
    why="It is put into a running pod, past the Deployment that was reviewed.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_pod("ephemeralContainers", None, [], ()),
    source="NSA/CISA 2022, Pod security enforcement",
)

PASSING = (alone(deployment()),)
FAILING = (alone(deployment({"ephemeralContainers": [sound_container()]})),)
