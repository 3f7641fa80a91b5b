"""Teams' access to clusters: groups that are everybody, and access that reaches nobody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from components.definition.findings import Finding
from components.definition.load_catalog import Catalog

# Kubernetes' own groups: all who are logged in, all who are not, all ServiceAccounts, the administrators.
_RESERVED = "system:"


def access_findings(catalog: Catalog) -> Iterator[Finding]:
    """What is wrong with the groups of teams and the access of pools."""
    document = catalog.documents["teams"]
    for name, team in catalog.entries["teams"].items():
        for index, group in enumerate(team.groups or ()):
            if group.startswith(_RESERVED):
                message = f"{name}: {group} is a group of Kubernetes' own, not one of a team"
                yield document.finding((name, "groups", index), "reserved-group", message)
    document = catalog.documents["pools"]
    for name, pool in catalog.pools.items():
        for word in pool.access or ():
            if not catalog.entries["teams"][word].groups:
                message = f"{name}: the team {word} has no groups in agents/catalog/teams.yaml, so nobody gets access"
                found = document.finding((name, "access", word), "access-of-nobody", message)
                yield replace(found, severity="warning")
