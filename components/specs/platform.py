"""What a cluster needs once for each environment: the order in which pods make room for each other."""

from __future__ import annotations

from components.definition.load_catalog import Catalog
from components.specs.image_admission import image_admission
from components.specs.names import PREFIX, Manifest, priority_class


def platform_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """The platform's objects of an environment."""
    suffix = catalog.environments[environment].namespace_suffix or ""
    settings = catalog.settings
    return [*_priorities(catalog, suffix), *image_admission(settings.registry, settings.images, suffix)]


def _priorities(catalog: Catalog, suffix: str) -> list[Manifest]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {
                "name": priority_class(name, suffix),
                "labels": {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX},
            },
            "value": tier.priority,
            "description": tier.description,
            "preemptionPolicy": "PreemptLowerPriority",
        }
        for name, tier in sorted(catalog.entries["tiers"].items())
    ]
