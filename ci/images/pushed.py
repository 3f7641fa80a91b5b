"""What an image that lies in a registry weighs."""

from __future__ import annotations

from ci.images.layout import compressed_size
from ci.images.registry import Registry


def pushed_size(registry: Registry, repository: str, digest: str) -> int:
    """Its compressed size in bytes, as a node pulls it; of an index its largest platform's. Raises RegistryError."""
    return compressed_size(
        registry.manifest(f"{repository}@{digest}"), lambda one: registry.manifest(f"{repository}@{one}")
    )
