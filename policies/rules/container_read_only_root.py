"""The containers' file systems are read-only."""

from __future__ import annotations

from policies.example import alone, deployment, sound_container
from policies.pod_fields import in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-read-only-root",
    severity="error",
    why="What cannot be written cannot be replaced by what a model was told to download.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=in_containers("securityContext.readOnlyRootFilesystem", True),
    source="NSA/CISA 2022, Kubernetes Pod security, Immutable container file systems",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(security={"readOnlyRootFilesystem": False})),
    alone(deployment(security={"readOnlyRootFilesystem": None})),
    alone(deployment({"initContainers": [sound_container(security={"readOnlyRootFilesystem": False})]})),
)
