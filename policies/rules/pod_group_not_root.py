"""Nothing runs in group 0."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mapping, same, sequence
from policies.pod_fields import not_in_pod_or_containers
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject

_RUN_AS = not_in_pod_or_containers("securityContext.runAsGroup", 0)


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    yield from _RUN_AS(manifest, subject)
    security = mapping(pod_spec(manifest), "securityContext")
    if same(security.get("fsGroup"), 0):
        yield "the pod has securityContext.fsGroup: 0"
    if any(same(one, 0) for one in sequence(security, "supplementalGroups")):
        yield "the pod has group 0 in securityContext.supplementalGroups"


RULE = Rule(
    id="pod-group-not-root",
    severity="error",
    why="Many images let group 0 write what root owns.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Kubernetes Pod security, Non-root containers",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(pod_security={"runAsGroup": 0})),
    alone(deployment(pod_security={"fsGroup": 0})),
    alone(deployment(pod_security={"supplementalGroups": [1, 0]})),
    alone(deployment(security={"runAsGroup": 0})),
)
