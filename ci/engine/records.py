"""What stacks remember, read from Pulumi's state: what was applied last, and what a killed run left half done."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from ci.engine.command import Pulumi
from ci.engine.failure import EngineError, Failure
from ci.engine.said import last_words, state_failure
from ci.engine.urns import is_component, name_of, type_of
from components.applied import COMPONENT_TYPES, Applied, applied_from

State = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A component whose outputs hold no whole record: it was stopped before its end, or is of an older Roster.

    `objects` of it are in the state.
    """

    objects: int


Record = Applied | Unreadable


@dataclass(frozen=True, slots=True)
class Component:
    """A component in the state: its own URN and those of the objects that it registered."""

    name: str
    kind: str  # agent, pool, platform
    urn: str
    children: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PendingOperation:
    """What was begun and not recorded as done. `type`: creating, updating, deleting, reading or importing."""

    type: str
    urn: str


@dataclass(frozen=True, slots=True)
class StackRecord:
    """What one stack remembers; `exists` is false when the backend has no stack of that name.

    `failure` is set when its state cannot be read, and then nothing else is.
    """

    stack: str
    exists: bool
    agents: Mapping[str, Record] = field(default_factory=dict)
    pool: Mapping[str, Record] = field(default_factory=dict)
    platform: Mapping[str, Record] = field(default_factory=dict)
    pending_operations: tuple[PendingOperation, ...] = ()
    components: tuple[Component, ...] = ()
    failure: Failure | None = None

    @property
    def empty(self) -> bool:
        """Whether it holds no object, so that a run that forgets what it did loses nothing that was known."""
        return self.failure is None and not self.pending_operations and not any(one.children for one in self.components)


def read_record(pulumi: Pulumi, stack: str) -> StackRecord:
    """What one stack remembers. What cannot be read is in its `failure`; nothing is raised."""
    try:
        state = _export(pulumi, stack)
    except EngineError as error:
        if error.kind == "no-stack":
            return StackRecord(stack, exists=False)
        return StackRecord(stack, exists=True, failure=error.failure)
    return record_in(stack, state)


def read_records(pulumi: Pulumi, stacks: Sequence[str], width: int) -> dict[str, StackRecord]:
    """What the stacks remember, `width` of them read at a time."""
    with ThreadPoolExecutor(max(1, width)) as pool:
        return dict(zip(stacks, pool.map(lambda stack: read_record(pulumi, stack), stacks), strict=True))


def record_in(stack: str, state: State) -> StackRecord:
    """The record in what `pulumi stack export` says."""
    deployment = state.get("deployment") or {}
    # What is to be deleted still, after it was replaced, is not what the component is now.
    resources = [one for one in deployment.get("resources") or () if not one.get("delete")]
    children: dict[str, list[str]] = defaultdict(list)
    for one in resources:
        children[one.get("parent", "")].append(one["urn"])
    found: dict[str, dict[str, Record]] = {kind: {} for kind in COMPONENT_TYPES.values()}
    components = []
    for one in resources:
        urn = one["urn"]
        if is_component(urn):
            kind, name = COMPONENT_TYPES[type_of(urn)], name_of(urn)
            components.append(Component(name, kind, urn, tuple(children[urn])))
            found[kind][name] = applied_from(one.get("outputs") or {}) or Unreadable(len(children[urn]))
    return StackRecord(
        stack,
        exists=True,
        agents=found["agent"],
        pool=found["pool"],
        platform=found["platform"],
        pending_operations=tuple(_pending(deployment)),
        components=tuple(components),
    )


def clear_pending(pulumi: Pulumi, stack: str) -> tuple[str, ...]:
    """Takes away pending creations of objects that are in the state by now; returns their URNs.

    Pulumi itself never forgets a pending creation, and warns of it in every later run. After an up that succeeded, an
    object that is in the state is ours: the provider takes up what it finds under the name. `pulumi stack import` drops
    all pending operations and not some, so while there is another one nothing is done: its object may be in the cluster
    with nobody to know of it. Raises EngineError.
    """
    state = _export(pulumi, stack)
    done = clearable(state)
    pending = (state.get("deployment") or {}).pop("pending_operations", None) or []
    if not done or any(_urn(one) not in done or not _creates(one) for one in pending):
        return ()
    said = pulumi.run(["stack", "import"], stack=stack, given=json.dumps(state))
    if said.code:
        raise _unreadable(stack, said.stderr)
    return tuple(sorted(done))


def clearable(state: State) -> set[str]:
    """URNs of pending creations whose object is in the state, with an id of the cluster's."""
    deployment = state.get("deployment") or {}
    there = {one["urn"] for one in deployment.get("resources") or () if one.get("id") and not one.get("delete")}
    return {_urn(one) for one in deployment.get("pending_operations") or () if _creates(one)} & there


def _creates(operation: State) -> bool:
    return bool(operation.get("type") == "creating")


def _urn(operation: State) -> str:
    return str((operation.get("resource") or {}).get("urn", ""))


def _pending(deployment: State) -> Iterable[PendingOperation]:
    for one in deployment.get("pending_operations") or ():
        yield PendingOperation(one.get("type", ""), _urn(one))


def _export(pulumi: Pulumi, stack: str) -> State:
    done = pulumi.run(["stack", "export"], stack=stack)
    if done.code:
        raise _unreadable(stack, done.stderr)
    try:
        state: State = json.loads(done.stdout)
    except ValueError as error:
        raise _unreadable(stack, f"unexpected end of JSON input: {error}") from error
    return state


def _unreadable(stack: str, text: str) -> EngineError:
    failure = state_failure(stack, text)
    if failure is None:
        return EngineError("unreachable-backend", f"{stack}: its state cannot be read: {last_words(text)}")
    return EngineError(failure.kind, failure.message)
