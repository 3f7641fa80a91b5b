"""Dashboards: six for all agents and environments of a cluster.

They choose by variables, so they are the same in every environment, and their uids are what alerts link to. Two copies
of a uid in one Grafana exclude each other. So where environments share a cluster, the first one in the catalog's order
ships them; it is also the one that changes first.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from components.definition.load_catalog import Catalog
from components.specs.monitoring.dashboards.figures import Figures, figures
from components.specs.names import PREFIX, Manifest

NAMES = ("overview", "agent", "pool", "security", "cost", "deployments")
# What `documents.templates` makes; a test holds the two together, and writes the files with --update-golden.
BUILT = Path(__file__).parent / "built"
_FOLDER = "Roster"
_LABELS = {"app.kubernetes.io/component": "platform", "app.kubernetes.io/managed-by": PREFIX}


def dashboard_manifests(environment: str, catalog: Catalog) -> list[Manifest]:
    """Each dashboard as a ConfigMap or a GrafanaDashboard, as the catalog says; none where another environment's
    stand in the same cluster."""
    if not _ships(environment, catalog):
        return []
    settings = catalog.settings
    space = settings.monitoring.namespace or settings.scraper.namespace
    suffix = catalog.environments[environment].namespace_suffix or ""
    found = []
    for name, text in _texts(figures(catalog)).items():
        meta: Manifest = {"name": f"{PREFIX}-dashboard-{name}{suffix}", "namespace": space, "labels": _LABELS}
        if settings.monitoring.dashboards == "operator":
            found.append(_grafana_dashboard(meta, text))
        else:
            found.append(_config_map(meta, name, text))
    return found


def documents(catalog: Catalog) -> dict[str, dict[str, Any]]:
    """Name (overview, agent, pool, security, cost, deployments) → the dashboard as Grafana reads it."""
    return {name: json.loads(text) for name, text in _texts(figures(catalog)).items()}


def _ships(environment: str, catalog: Catalog) -> bool:
    """Whether no environment before this one has a cluster in common with it."""
    mine = {cluster.context for cluster in catalog.environments[environment].clusters.values()}
    for name, other in catalog.environments.items():
        if name == environment:
            return True
        if mine & {cluster.context for cluster in other.clusters.values()}:
            return False
    return False


@cache
def _templates() -> dict[str, str]:
    return {name: (BUILT / f"{name}.json").read_text("utf-8") for name in NAMES}


@cache
def _texts(found: Figures) -> dict[str, str]:
    return {name: found.filled(text) for name, text in _templates().items()}


def _config_map(meta: Manifest, name: str, text: str) -> Manifest:
    # What Grafana's sidecar looks for.
    labelled = {**meta, "labels": {**meta["labels"], "grafana_dashboard": "1"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": labelled, "data": {f"{PREFIX}-{name}.json": text}}


def _grafana_dashboard(meta: Manifest, text: str) -> Manifest:
    # The label that the operator's own documentation gives a Grafana; it may be in a namespace of its own.
    chosen = {"matchLabels": {"dashboards": "grafana"}}
    spec = {"instanceSelector": chosen, "allowCrossNamespaceImport": True, "folder": _FOLDER, "json": text}
    return {"apiVersion": "grafana.integreatly.org/v1beta1", "kind": "GrafanaDashboard", "metadata": meta, "spec": spec}
