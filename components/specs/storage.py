"""The PersistentVolumeClaim of an agent with a disk of its own."""

from __future__ import annotations

from components.resolve.resolved import ResolvedAgent
from components.specs.names import Manifest, metadata


def persistent_volume_claim(agent: ResolvedAgent) -> Manifest | None:
    """The agent's disk; None when it keeps nothing."""
    if agent.volume is None:
        return None
    spec: Manifest = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": agent.volume.size}}}
    if agent.volume.storage_class:
        spec["storageClassName"] = agent.volume.storage_class
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata(agent), "spec": spec}
