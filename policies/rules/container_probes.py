"""An agent that serves says whether it lives and whether it is ready."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import deployment, of_agent
from policies.manifest_reading import mappings
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

_PROBES = ("livenessProbe", "readinessProbe")


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    if subject.agent is None or not subject.agent.serves:
        return
    for container in mappings(pod_spec(manifest), "containers"):
        for probe in _PROBES:
            if not container.get(probe):
                yield f"the container {container.get('name')} has no {probe}"


RULE = Rule(
    id="container-probes",
    severity="error",
    why="Without probes callers are sent to pods that do not answer, and a pod that hangs is never restarted.",
    fix="Give probes.liveness and probes.readiness, in the definition or the runtime.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("probes",),
    source="Roster",
)

PASSING = (
    of_agent(deployment()),
    of_agent(deployment(container={"livenessProbe": None, "readinessProbe": None}), serves=False),
)
FAILING = (
    of_agent(deployment(container={"livenessProbe": None})),
    of_agent(deployment(container={"readinessProbe": None})),
)
