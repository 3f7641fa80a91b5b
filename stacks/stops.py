"""A kill switch goes past what is wrong beside it: who must stop does not wait for a neighbour's definition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.applied import Applied
from components.definition.findings import Finding, InvalidInput
from stacks.decisions import STOPS, Decision, Objects, decide, goes_first
from stacks.instructions import Instructions


def stops_alone(
    offered: Mapping[str, Objects],
    last: Mapping[str, Applied | None],
    instructions: Instructions,
    commit: str,
    barred: Mapping[str, str],
    faults: Sequence[Finding],
) -> list[Decision]:
    """Decisions for a shard with faulty definitions: agents that stop are applied, all others keep what they have.

    Raises InvalidInput with the faults when none stops, or not everything is known well enough to be kept.
    """
    known = {name: record for name, record in last.items() if record is not None and record.digest}
    stopping = {
        name: objects
        for name, objects in offered.items()
        if name in known and goes_first(objects, known[name]) == STOPS and instructions.may_change(name)
    }
    if not stopping or known.keys() != last.keys() or instructions.hold or instructions.back:
        raise InvalidInput(faults)
    why = f"beside it a definition cannot be applied: {faults[0]}"
    kept = [Decision(name, "wait", record, why) for name, record in known.items() if name not in stopping]
    stops = decide(stopping, {name: known[name] for name in stopping}, instructions, commit, barred=barred)
    return sorted((*stops, *kept), key=lambda one: one.name)
