"""What became of a run: values that others read, and the tally that is kept while the engine's events come in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ci.engine.failure import Failure
from ci.engine.said import is_noise, sound
from ci.engine.urns import component_of, is_component, is_object, type_of

if TYPE_CHECKING:
    from pulumi.automation.events import EngineEvent, PolicyEvent

Action = Literal["preview", "up"]
# An agent that loses one of these loses its pods, its memory or all.
_VITAL = frozenset({
    "kubernetes:core/v1:Namespace",
    "kubernetes:apps/v1:Deployment",
    "kubernetes:core/v1:PersistentVolumeClaim",
})  # fmt: skip
# Pulumi's steps, as what they do to an object. Of several steps of one object the last in this order counts.
_MEANING = {
    "same": "same",
    "read": "same",
    "refresh": "same",
    "create": "create",
    "import": "create",
    "update": "update",
    "delete": "delete",
    "discard": "delete",
    "replace": "replace",
    "create-replacement": "replace",
    "delete-replaced": "replace",
    "discard-replaced": "replace",
    "import-replacement": "replace",
    "read-replacement": "replace",
}
_RANK = ("same", "create", "update", "delete", "replace")


@dataclass(frozen=True, slots=True)
class Counts:
    """Objects of one component, by what became of them (or would, in a preview)."""

    create: int = 0
    update: int = 0
    replace: int = 0
    delete: int = 0
    same: int = 0

    @property
    def changed(self) -> int:
        """How many are not the same."""
        return self.create + self.update + self.replace + self.delete


@dataclass(frozen=True, slots=True)
class FailedResource:
    """A resource that could not be applied, and what the engine said about it."""

    urn: str
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StackResult:
    """What became of one stack.

    `components`: agent (or pool, or platform) → its objects. `deleted` and `replaced`: those of them that go, or of
    which a Namespace, Deployment or PersistentVolumeClaim goes or is replaced. `failed`: the component that a resource
    belongs to (empty for none) → what failed. `notes`: what was done on the way that somebody should know. `log`: the
    file with all output.
    """

    stack: str
    action: Action
    failure: Failure | None
    components: Mapping[str, Counts] = field(default_factory=dict)
    deleted: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    failed: Mapping[str, tuple[FailedResource, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    peak_bytes: int = 0
    log: Path | None = None

    @property
    def counts(self) -> Counts:
        """Of all components together."""
        return Counts(*(sum(getattr(one, name) for one in self.components.values()) for name in Counts.__slots__))


class Tally:
    """Adds up the events of one run."""

    def __init__(self) -> None:
        self._begun: dict[str, str] = {}
        self._done: dict[str, str] = {}
        self._failed: set[str] = set()
        self._said: dict[str, list[str]] = defaultdict(list)
        self._outputs: Counter[str] = Counter()
        self._advice: Counter[str] = Counter()
        self.general: list[str] = []

    def add(self, event: EngineEvent) -> None:
        """Takes one event in."""
        if event.resource_pre_event:
            step = event.resource_pre_event.metadata
            self._note(self._begun, step.urn, step.op)
        elif event.res_outputs_event:
            step = event.res_outputs_event.metadata
            self._note(self._done, step.urn, step.op)
            self._outputs[step.urn] += 1
        elif event.res_op_failed_event:
            self._failed.add(event.res_op_failed_event.metadata.urn)
        elif event.policy_event:
            self._judge(event.policy_event)
        elif event.diagnostic_event and event.diagnostic_event.severity == "error":
            self._hear(event.diagnostic_event.urn or "", event.diagnostic_event.message)

    @property
    def objects_done(self) -> int:
        """Objects whose step ended well."""
        return sum(1 for urn in self._done if is_object(urn))

    @property
    def components_done(self) -> int:
        """Components that have said their outputs, which they do when all their objects are there."""
        return sum(1 for urn, times in self._outputs.items() if times > 1 and is_component(urn))

    def components(self) -> dict[str, Counts]:
        """Each component's objects, by what became of them."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for urn, what in self._done.items():
            if is_object(urn) and urn not in self._failed:
                found[component_of(urn)][what] += 1
            elif is_component(urn):
                found[component_of(urn)].update(())
        return {name: Counts(**found[name]) for name in sorted(found)}

    def lost(self, what: Literal["delete", "replace"]) -> tuple[str, ...]:
        """Components that were to be deleted or replaced, or of which a vital object was."""
        return tuple(sorted({
            component_of(urn)
            for urn, step in self._begun.items()
            if step == what and (is_component(urn) or (is_object(urn) and type_of(urn) in _VITAL))
        }))  # fmt: skip

    def failed(self) -> dict[str, tuple[FailedResource, ...]]:
        """Each component's resources that failed; what only says that another failed is left out."""
        found: dict[str, list[FailedResource]] = defaultdict(list)
        for urn in sorted(self._failed | self._said.keys()):
            found[component_of(urn)].append(FailedResource(urn, tuple(self._said.get(urn, ()))))
        return {name: tuple(found[name]) for name in sorted(found)}

    def in_flight(self) -> tuple[str, ...]:
        """Objects whose step was begun and not ended, unless there was nothing to do."""
        return tuple(
            urn for urn, what in self._begun.items() if what != "same" and is_object(urn) and urn not in self._done
        )

    @property
    def errors(self) -> str:
        """All errors, those of resources last."""
        return "\n".join([*self.general, *(text for texts in self._said.values() for text in texts)])

    def advice(self) -> list[str]:
        """What policies said of objects without refusing them, by policy."""
        return [
            f"the policy {name} warns of {count} object{'s' * (count != 1)}; the log says which"
            for name, count in self._advice.items()
        ]

    def _judge(self, event: PolicyEvent) -> None:
        if event.enforcement_level != "mandatory":
            self._advice[event.policy_name] += 1
            return
        # The policy's description comes first, on a line of its own.
        problem = event.message.strip().rpartition("\n")[2]
        self._hear(event.resource_urn or "", f"refused by the policy {event.policy_name}: {problem}")

    def _note(self, seen: dict[str, str], urn: str, op: str) -> None:
        what = _MEANING.get(str(getattr(op, "value", op)))
        if what is not None and _RANK.index(what) >= _RANK.index(seen.get(urn, "same")):
            seen[urn] = what

    def _hear(self, urn: str, message: str) -> None:
        message = sound(message)
        if is_noise(message):
            return
        known = self._said[urn] if component_of(urn) else self.general
        if message not in known:
            known.append(message)
