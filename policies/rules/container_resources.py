"""Every container asks for CPU, memory and disk, and may not pass a limit."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment, sound_container
from policies.manifest_reading import mapping
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_AMOUNTS = ("cpu", "memory", "ephemeral-storage")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for kind in ("requests", "limits"):
            given = mapping(container, "resources", kind)
            missing = [name for name in _AMOUNTS if not given.get(name)]
            if missing:
                yield f"{what} has no {kind} for {', '.join(missing)}"


RULE = Rule(
    id="container-resources",
    severity="error",
    why="Without limits one agent takes the node from all others; without requests it is the first to be thrown out.",
    fix="Give resources.requests and resources.limits, or choose a tier that has them.",
    kinds=WORKLOADS,
    judge=_judge,
    field=("resources",),
    source="NSA/CISA 2022, Network separation and hardening, Resource policies; CIS Kubernetes 1.9 5.7.3",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(container={"resources": {}})),
    alone(deployment(container={"resources": {"requests": {"cpu": "1"}, "limits": {"cpu": "1"}}})),
    alone(deployment(container={"resources": None})),
    alone(deployment({"initContainers": [sound_container({"resources": None})]})),
)
