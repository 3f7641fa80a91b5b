"""Where pods and containers stand in manifests of any kind that makes pods."""

from __future__ import annotations

from typing import Any

from policies.manifest_reading import kind_of, mapping
from policies.rule import Manifest

_PATHS: dict[str, tuple[str, ...]] = {
    "Deployment": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
    "DaemonSet": ("spec", "template"),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "Rollout": ("spec", "template"),
    "Job": ("spec", "template"),
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "Pod": (),
}
# Roster makes Deployments only; the others are judged so that no rule is left by choosing another kind.
WORKLOADS = frozenset(_PATHS)
_LISTS = (
    ("initContainers", "the init container"),
    ("containers", "the container"),
    ("ephemeralContainers", "the ephemeral container"),
)

Container = dict[str, Any]


def pod_template(manifest: Manifest) -> dict[str, Any]:
    """The pod's template, or the pod itself; empty when there is none."""
    return mapping(manifest, *_PATHS.get(kind_of(manifest), ("spec", "template")))


def pod_spec(manifest: Manifest) -> dict[str, Any]:
    """The pod's spec; empty when there is none."""
    return mapping(pod_template(manifest), "spec")


def containers(pod: dict[str, Any]) -> list[tuple[str, Container]]:
    """Every container of a pod's spec, init and ephemeral ones too, with its name for messages."""
    found = []
    for key, what in _LISTS:
        listed = pod.get(key)
        if isinstance(listed, (list, tuple)):
            found += [(f"{what} {one.get('name', '?')}", one) for one in listed if isinstance(one, dict)]
    return found
