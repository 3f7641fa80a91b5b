"""Writable folders have a size that they may not pass."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, deployment
from policies.manifest_reading import at, mappings
from policies.pods import WORKLOADS, pod_spec
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    for volume in mappings(pod_spec(manifest), "volumes"):
        if "emptyDir" in volume and not at(volume, "emptyDir", "sizeLimit"):
            yield f"the folder {volume.get('name')} has no sizeLimit"


RULE = Rule(
    id="pod-scratch-limited",
    severity="error",
    why=(
        "A folder without a limit fills the node's disk, and the node throws out the pods of others; one in "
        "memory counts as the container's."
    ),
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=_judge,
    source="NSA/CISA 2022, Network separation and hardening, Resource policies",
)

PASSING = (
    alone(deployment()),
    alone(deployment({"volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]})),
)
FAILING = (
    alone(deployment({"volumes": [{"name": "tmp", "emptyDir": {}}]})),
    alone(deployment({"volumes": [{"name": "tmp", "emptyDir": None}]})),
    alone(deployment({"volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory"}}]})),
)
