"""The owner of an agent can be told of its alerts."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import Example, deployment, of_agent
from policies.manifest_reading import text
from policies.rule import Manifest, Rule, Subject


def _judge(manifest: Manifest, subject: Subject) -> Iterator[str]:
    if subject.catalog is None:
        return
    routing = subject.catalog.settings.monitoring.routing
    owner = text(manifest, "metadata", "labels", "roster/owner")
    team = subject.catalog.entries["teams"].get(owner)
    # Without routing the catalog itself is warned of; an unknown owner is the rule owner-known's.
    if routing is None or routing.form == "none" or team is None:
        return
    if not ((team.slack and routing.slack) or (team.email and routing.smtp) or team.pagerduty):
        yield f"its owner {owner} cannot be told of an alert"


RULE = Rule(
    id="alert-route-known",
    severity="error",
    why="An alert that reaches nobody is none.",
    fix="Give the team email, slack or pagerduty in catalog/teams.yaml, and the way in monitoring.routing.",
    kinds=frozenset({"Deployment"}),
    judge=_judge,
    field=("owner",),
    source="Roster",
)

PASSING = (of_agent(deployment()),)
FAILING = (Example((deployment(),), "agent", {}, {"slack": None}),)
