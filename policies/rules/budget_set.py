"""An agent that strangers can talk to has a budget for its model."""

from __future__ import annotations

from collections.abc import Iterator

from policies.example import deployment, of_agent
from policies.rule import Manifest, Rule, Subject


def _judge(_manifest: Manifest, subject: Subject) -> Iterator[str]:
    agent = subject.agent
    # Only runtimes that read settings keep a budget; for others it would be a promise that nobody holds.
    if agent is None or agent.model is None or agent.suspended or not (agent.config and agent.config.settings):
        return
    if agent.exposure.host and not agent.budget:
        yield f"it answers at {agent.exposure.host} and has no budget for {agent.model.name}"


RULE = Rule(
    id="budget-set",
    severity="warning",
    why="Whoever finds it can spend without end.",
    fix="Give budget.tokens_per_day or budget.cost_per_day.",
    kinds=frozenset({"Deployment"}),
    judge=_judge,
    field=("budget",),
    source="Roster",
)

PASSING = (
    of_agent(deployment(), budget={"tokens_per_day": 1000}),
    of_agent(deployment(), model=None),
    of_agent(deployment(), suspended="the agent"),
)
FAILING = (of_agent(deployment()),)
