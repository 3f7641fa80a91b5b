"""No container holds a terminal or its input open."""

from __future__ import annotations

from policies.example import alone, deployment
from policies.pod_fields import all_of, in_containers
from policies.pods import WORKLOADS
from policies.rule import Rule

RULE = Rule(
    id="container-no-terminal",
    severity="error",
    why="An agent talks over its API; an open terminal serves who attaches to it.",
    fix="Roster sets this by itself: a change in components/specs took it away.",
    kinds=WORKLOADS,
    judge=all_of(
        in_containers("stdin", None, False),
        in_containers("tty", None, False),
    ),
    source="Roster",
)

PASSING = (alone(deployment()),)
FAILING = (
    alone(deployment(container={"stdin": True})),
    alone(deployment(container={"tty": True})),
)
