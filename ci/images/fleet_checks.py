"""What `roster check` says of images: their exceptions, their records, and the runtimes that they are built from."""

from __future__ import annotations

from ci.images.exceptions import exception_findings
from ci.images.record_checks import record_findings
from components.definition.findings import Finding
from components.definition.places import CONTEXTS, agent_of
from components.fleet import Fleet
from components.resolve.image import TEMPLATE


def image_findings(fleet: Fleet, today: str) -> list[Finding]:
    """What is wrong with all that images are made from and judged by, on that day (ISO)."""
    catalog = fleet.catalog
    agents = {"/".join(agent_of(path)) for path in fleet.definitions}
    found = exception_findings(catalog.exceptions, catalog.documents, catalog.entries["runtimes"], agents, today)
    return [*found, *record_findings(catalog, today)]


def template_findings(fleet: Fleet) -> list[Finding]:
    """Runtimes of Roster's own that cannot be built; a context without files is said when the catalog is read."""
    document, found = fleet.catalog.documents["runtimes"], []
    for name, runtime in fleet.catalog.entries["runtimes"].items():
        if runtime.build not in fleet.catalog.contexts:
            continue
        folder = f"{CONTEXTS}/{runtime.build}"
        if f"{folder}/{TEMPLATE}" not in fleet.tree.files(folder).files:
            message = f"{name} cannot be built: {folder} has no {TEMPLATE}; add it, or give the runtime a ready image"
            found.append(document.finding((name, "build"), "missing-file", message))
    return found
