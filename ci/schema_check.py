"""Rendered manifests against Kubernetes' schemas and limits, as findings."""

from __future__ import annotations

from functools import cache

from components.definition.findings import Finding
from components.specs import Manifest
from policies.limits import check_limits
from policies.schemas import SchemaChecker


@cache
def _checker() -> SchemaChecker:
    return SchemaChecker()


def schema_findings(file: str, agent: str, manifests: list[Manifest]) -> list[Finding]:
    """What Kubernetes would refuse; a finding here is a fault of the catalog or of Roster, and named as such."""
    checker = _checker()
    found = []
    for manifest in manifests:
        for error in (*checker.check(manifest), *check_limits(manifest)):
            where = ".".join(map(str, error.path)) or "the object"
            message = f"{manifest['kind']} {manifest['metadata']['name']}: {where}: {error.message}"
            found.append(Finding(file, 1, 1, "schema", message, agent=agent))
    return found
