"""Every object of an agent or pool has an owner in the catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import deployment, network_policy, of_agent, of_pool
from policies.manifest_reading import at
from policies.rule import Manifest, Rule, Subject

_LABEL = "roster/owner"


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    if subject.catalog is None or not subject.pool:
        return
    teams = subject.catalog.entries["teams"]
    for one in manifests:
        owner = at(one, "metadata", "labels", _LABEL)
        if not isinstance(owner, str) or owner not in teams:
            yield one, f"its owner {owner} is no team of the catalog" if owner else f"it has no label {_LABEL}"


RULE = Rule(
    id="owner-known",
    severity="error",
    why="An alert, a cost or a finding that nobody owns is one that nobody mends.",
    fix="Give an owner from catalog/teams.yaml.",
    together=_together,
    field=("owner",),
    source="Roster",
)

PASSING = (
    of_agent(deployment()),
    of_pool(network_policy()),
)
FAILING = (
    of_agent({**deployment(), "metadata": {"name": "planner", "labels": {"roster/owner": "nobody"}}}),
    of_pool({"kind": "Namespace", "metadata": {"name": "business"}}),
)
