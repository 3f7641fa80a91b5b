"""No mount of a container reaches back to the node."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for mount in mappings(container, "volumeMounts"):
            if mount.get("mountPropagation") not in (None, "None"):
                yield f"the mount {mount.get('mountPath')} of {what} has mountPropagation: {mount['mountPropagation']}"


RULE = Rule(
    id="container-mount-propagation",
    severity="error",
    why="A mount that goes both ways changes the file systems of the node and of other pods.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Pod security enforcement",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(
        deployment(container={"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}]})
    ),
    alone(
        deployment(
            container={"volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": "HostToContainer"}]}
        )
    ),
)
