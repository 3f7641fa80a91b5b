"""Volumes are of the kinds that do not reach the node."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

_ALLOWED = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}
)


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for volume in mappings(pod_spec(manifest), "volumes"):
        sources = {key for key, value in volume.items() if key != "name" and value is not None}
        if not sources:
            yield f"the volume {volume.get('name')} is of no kind"
        for source in sorted(sources - _ALLOWED, key=str):
            yield f"the volume {volume.get('name')} is of a kind that reaches the node: {source}"


RULE = Rule(
    id="pod-volumes-allowed",
    severity="error",
    why="A volume of another kind, hostPath before all, reaches the node's disk or a network that no policy guards.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.12; Pod Security Standards, restricted",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"volumes": [{"name": "tmp", "emptyDir": {}}, {"name": "c", "configMap": {"name": "c"}}]})),
)
FAILING = (
    alone(deployment({"volumes": [{"name": "v", "hostPath": {"path": "/"}}]})),
    alone(deployment({"volumes": [{"name": "v", "nfs": {"server": "10.0.0.1", "path": "/"}}]})),
    alone(deployment({"volumes": [{"name": "v", "emptyDir": {}, "hostPath": {"path": "/"}}]})),
    alone(deployment({"volumes": [{"name": "v"}]})),
)
