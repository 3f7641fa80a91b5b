"""No agent has a priority of the cluster's own parts."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    pod = pod_spec(manifest)
    if str(pod.get("priorityClassName") or "").startswith("system-"):
        yield f"the pod has priorityClassName: {pod['priorityClassName']}"
    if pod.get("priority") is not None:
        yield "the pod has a priority by number, which only the API server may set"


RULE = Rule(
    id="pod-priority",
    severity="error",
    why="The scheduler would throw out the cluster's DNS to make room for it.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="Roster",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment({"priorityClassName": "system-node-critical"})),
    alone(deployment({"priority": 2000000000})),
)
