"""Nodes can be emptied."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.manifest_reading import mapping
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    spec = mapping(manifest, "spec")
    if spec.get("maxUnavailable") in (0, "0", "0%"):
        yield f"it has maxUnavailable: {spec['maxUnavailable']}"
    if spec.get("minAvailable") == "100%":
        yield "it has minAvailable: 100%"


RULE = Rule(
    id="disruption-allows-drains",
    severity="error",
    why="A node that cannot be emptied is not patched.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"PodDisruptionBudget"}),
    judge=_judge,
    source="NSA/CISA 2022, Upgrading and application security practices",
)

PASSING = (alone(manifest("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 1})),)
FAILING = (
    alone(manifest("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": 0})),
    alone(manifest("policy/v1", "PodDisruptionBudget", spec={"maxUnavailable": "0%"})),
    alone(manifest("policy/v1", "PodDisruptionBudget", spec={"minAvailable": "100%"})),
)
