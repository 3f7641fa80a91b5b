"""Namespaces enforce Pod Security's restricted profile."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import alone, manifest
from policies.manifest_reading import mapping
from policies.rule import Manifest, Rule, Subject

_PREFIX = "pod-security.kubernetes.io/"


def _judge(manifest: Manifest, _subject: Subject) -> Iterator[str]:
    labels = mapping(manifest, "metadata", "labels")
    for mode in ("enforce", "audit", "warn"):
        if labels.get(_PREFIX + mode) != "restricted":
            yield f"the label {_PREFIX}{mode} is {labels.get(_PREFIX + mode) or 'missing'}, not restricted"
        version = labels.get(f"{_PREFIX}{mode}-version")
        if version not in (None, "latest"):
            yield f"the label {_PREFIX}{mode}-version holds it to the rules of {version}"


RULE = Rule(
    id="namespace-pod-security",
    severity="error",
    why="It is what the API server itself holds pods to, whoever makes them.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=frozenset({"Namespace"}),
    judge=_judge,
    source="NSA/CISA 2022, Pod security enforcement; CIS Kubernetes 1.9 5.2.1",
)


def _namespace(**change: str) -> Manifest:
    modes = {"enforce": "restricted", "audit": "restricted", "warn": "restricted", **change}
    labels = {f"pod-security.kubernetes.io/{mode}": level for mode, level in modes.items()}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "business", "labels": labels}}


PASSING = (
    alone(_namespace()),
    alone(_namespace(**{"enforce-version": "latest"})),
)
FAILING = (
    alone(_namespace(enforce="baseline")),
    alone(_namespace(warn="")),
    alone(_namespace(**{"enforce-version": "v1.20"})),
    alone(manifest("v1", "Namespace", "business", "")),
)
