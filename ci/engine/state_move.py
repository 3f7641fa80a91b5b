"""Moves agents between stacks: from one state to another, without anything happening in the cluster."""

from __future__ import annotations

from collections.abc import Sequence

from ci.engine.command import Pulumi
from ci.engine.failure import EngineError
from ci.engine.records import StackRecord

_DELETE = ("state", "delete", "--yes", "--force", "--target-dependents")


def move_agents(pulumi: Pulumi, source: StackRecord, target: StackRecord, agents: Sequence[str]) -> None:
    """Moves the agents' components with all their objects from one stack's state to another's.

    Whoever is in both states, as a move that was killed half-way leaves them, is only taken from the source. Raises
    EngineError; what was moved until then stays moved, and the rest is moved by the next run.
    """
    urns = {one.name: one for one in source.components if one.kind == "agent"}
    if not target.exists:
        _run(pulumi, ["stack", "init", target.stack, "--no-select"])
    both = [name for name in agents if name in target.agents]
    for name in both:
        # Children first: what something depends on cannot be taken away.
        for urn in (*reversed(urns[name].children), urns[name].urn):
            _run(pulumi, [*_DELETE, urn], source.stack, gone_is_well=True)
    moved = [urns[name].urn for name in agents if name not in both]
    if moved:
        where = ["--source", source.stack, "--dest", target.stack]
        _run(pulumi, ["state", "move", "--yes", "--include-parents", *where, *moved])


def _run(pulumi: Pulumi, arguments: Sequence[str], stack: str = "", gone_is_well: bool = False) -> None:
    done = pulumi.run(arguments, stack=stack)
    if done.code and not (gone_is_well and "No such resource" in done.text):
        raise EngineError("failed", f"`pulumi {' '.join(arguments[:2])}`: {done.text.strip()}")
