"""A disk is new and the agent's alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from policies.example import alone, manifest
from policies.manifest_reading import mapping, sequence
from policies.rule import Manifest, Rule, Subject

_MODES = ("ReadWriteOnce", "ReadWriteOncePod")


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    spec = mapping(manifest, "spec")
    for field in ("volumeName", "selector", "dataSource", "dataSourceRef"):
        if spec.get(field):
            yield f"it takes an existing disk, by {field}"
    if spec.get("volumeMode") == "Block":
        yield "it is a raw disk"
    for mode in sequence(spec, "accessModes"):
        if mode not in _MODES:
            yield f"other pods may have it as well: {mode}"


RULE = Rule(
    id="disk-own",
    severity="error",
    why="A claim that names a volume or a source gets the data of whoever had it.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"PersistentVolumeClaim"}),
    judge=_judge,
    field=("storage",),
    source="Roster",
)


def _claim(**spec: Any) -> Manifest:
    return manifest("v1", "PersistentVolumeClaim", spec=spec)


PASSING = (alone(_claim(accessModes=["ReadWriteOnce"])),)
FAILING = (
    alone(_claim(volumeName="pv-of-another")),
    alone(_claim(dataSource={"kind": "PersistentVolumeClaim", "name": "helper"})),
    alone(_claim(accessModes=["ReadWriteMany"])),
    alone(_claim(volumeMode="Block")),
)
