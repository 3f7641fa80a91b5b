"""What a cluster needs once for each environment: the order in which pods make room for each other, and its rules."""

from __future__ import annotations

from components.definition.load_catalog import Catalog
from components.specs.image_admission import image_admission
from components.specs.monitoring.dashboards import dashboard_manifests
from components.specs.monitoring.logs import log_manifests
from components.specs.monitoring.platform_rules import platform_rules
from components.specs.monitoring.routing_objects import routing_manifests
from components.specs.names import PREFIX, Manifest, priority_class

_LABELS = {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX}


def platform_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """The platform's objects of an environment."""
    suffix = catalog.environments[environment].namespace_suffix or ""
    settings = catalog.settings
    space = settings.monitoring.namespace or settings.scraper.namespace
    meta = {"name": f"{PREFIX}-platform{suffix}", "namespace": space, "labels": _LABELS}
    rules = platform_rules(meta, environment, catalog)
    return [
        *_priorities(catalog, suffix),
        *image_admission(settings.registry, settings.images, suffix),
        *([rules] if rules else []),
        *log_manifests(environment, catalog),
        *dashboard_manifests(environment, catalog),
        *routing_manifests(environment, catalog),
    ]


def _priorities(catalog: Catalog, suffix: str) -> list[Manifest]:
    return [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {
                "name": priority_class(name, suffix),
                "labels": _LABELS,
            },
            "value": tier.priority,
            "description": tier.description,
            "preemptionPolicy": "PreemptLowerPriority",
        }
        for name, tier in sorted(catalog.entries["tiers"].items())
    ]
