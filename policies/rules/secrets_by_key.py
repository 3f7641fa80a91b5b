"""A pod names each key of a Secret that it gets as a variable."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import mappings, text
from policies.pods import WORKLOADS, containers, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for what, container in containers(pod_spec(manifest)):
        for source in mappings(container, "envFrom"):
            if "secretRef" in source:
                yield f"{what} gets every key of the Secret {text(source, 'secretRef', 'name')}"


RULE = Rule(
    id="secrets-by-key",
    severity="error",
    why="All keys of a Secret at once bring in what is added to it later, and can replace the agent's own variables.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="CIS Kubernetes 1.9 5.4.1; NSA/CISA 2022, Network separation and hardening, Secrets",
)

PASSING = (
    alone(deployment()),
    alone(deployment(container={"envFrom": [{"configMapRef": {"name": "planner"}}]})),
)
FAILING = (alone(deployment(container={"envFrom": [{"secretRef": {"name": "planner"}}]})),)
