"""Nodes do not run what they happen to have."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.example import alone, deployment
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject

_FIXED = re.compile(r"(@sha256:[0-9a-f]{64}|:[0-9a-f]{16})\Z")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        policy = container.get("imagePullPolicy")
        if policy == "Always" or (policy == "IfNotPresent" and _FIXED.search(str(container.get("image")))):
            continue
        yield f"{what} has imagePullPolicy: {policy or 'none'} for {container.get('image')}"


RULE = Rule(
    id="image-pull-policy",
    severity="error",
    why="A tag that may move must be asked for at each start; a policy of Never runs whatever was put onto the node.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Kubernetes Pod security, Building secure container images; CIS Kubernetes 1.9 5.5.1",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"image": "example.com/a:1.0.0", "imagePullPolicy": "Always"})),
)
FAILING = (
    alone(deployment(container={"imagePullPolicy": "Never"})),
    alone(deployment(container={"imagePullPolicy": None})),
    alone(deployment(container={"image": "example.com/a:1.0.0"})),
)
