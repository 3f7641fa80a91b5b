"""Moves agents between stacks: from one state to another, without anything happening in the cluster."""

from __future__ import annotations

import time
from collections.abc import Sequence

from ci.engine.command import Done, Pulumi
from ci.engine.failure import EngineError
from ci.engine.locks import held_by, locks_in, release, waited_out
from ci.engine.records import StackRecord

_DELETE = ("state", "delete", "--yes", "--force", "--target-dependents")
_POLL_SECONDS = 5.0


def move_agents(
    pulumi: Pulumi, source: StackRecord, target: StackRecord, agents: Sequence[str], wait_seconds: float = 600
) -> None:
    """Moves the agents' components with all their objects from one stack's state to another's.

    Whoever is in both states, as a move that was killed half-way leaves them, is only taken from the source. The lock
    of a run that was killed is taken away, one of a run that lives waited for. Raises EngineError; what was moved until
    then stays moved, and the rest is moved by the next run.
    """
    urns = {one.name: one for one in source.components if one.kind == "agent"}
    if not target.exists:
        _run(pulumi, ["stack", "init", target.stack, "--no-select"])
    both = [name for name in agents if name in target.agents]
    for name in both:
        # Children first: what something depends on cannot be taken away.
        for urn in (*reversed(urns[name].children), urns[name].urn):
            arguments = [*_DELETE, urn, "--stack", source.stack]
            _run(pulumi, arguments, (source.stack,), wait_seconds, gone_is_well=True)
    moved = [urns[name].urn for name in agents if name not in both]
    if moved:
        where = ["--source", source.stack, "--dest", target.stack]
        arguments = ["state", "move", "--yes", "--include-parents", *where, *moved]
        _run(pulumi, arguments, (source.stack, target.stack), wait_seconds)


def _run(
    pulumi: Pulumi,
    arguments: Sequence[str],
    stacks: Sequence[str] = (),
    wait_seconds: float = 0,
    gone_is_well: bool = False,
) -> None:
    done = _unlocked(pulumi, arguments, stacks, wait_seconds)
    if done.code and not (gone_is_well and "No such resource" in done.text):
        raise EngineError("failed", f"`pulumi {' '.join(arguments[:2])}`: {done.text.strip()}")


def _unlocked(pulumi: Pulumi, arguments: Sequence[str], stacks: Sequence[str], wait_seconds: float) -> Done:
    """Runs a command on the stacks, again when a lock was waited for or was of a run that is dead."""
    since = time.monotonic()
    while True:
        done = pulumi.run(arguments)
        if not done.code or not locks_in(done.text):
            return done
        living = ""
        for stack in stacks:
            locks = held_by(pulumi, stack)
            if locks and all(lock.dead for lock in locks):
                release(pulumi, stack)
            elif locks:
                living = waited_out(stack, locks, wait_seconds)
        if living and time.monotonic() - since >= wait_seconds:
            raise EngineError("locked", living)
        if living:
            time.sleep(_POLL_SECONDS)
