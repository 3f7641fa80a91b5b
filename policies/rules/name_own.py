"""Objects of an agent bear its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.example import deployment, manifest, of_agent, of_pool
from policies.manifest_reading import name_of
from policies.rule import Manifest, Rule, Subject


def _together(manifests: Sequence[Manifest], subject: Subject) -> Iterator[tuple[Manifest, str]]:
    agent = subject.agent
    if agent is None:
        return
    # No agent's name has a dot, so what follows one cannot make it another's.
    longer = f"{agent.name}."
    for one in manifests:
        name = name_of(one)
        if name != agent.name and not name.startswith(longer):
            yield one, f"its name is not that of the agent {agent.name}"


RULE = Rule(
    id="name-own",
    severity="error",
    why="An object with another's name replaces what that one has.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    together=_together,
    source="Roster",
)

PASSING = (
    of_agent(deployment(), manifest("v1", "ConfigMap", "planner.egress")),
    of_pool(manifest("v1", "ServiceAccount", "roster-secrets")),
)
FAILING = (
    of_agent(manifest("v1", "ServiceAccount", "roster-secrets")),
    of_agent(manifest("v1", "Service", "planner-2")),
    of_agent({"kind": "Service", "metadata": {}}),
)
