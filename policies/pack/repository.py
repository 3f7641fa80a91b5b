"""The repository that the pack stands in: whose object a resource is, and what the files say that it should be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock

from components.applied import COMPONENT_TYPES
from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resolve.resolved import ResolvedAgent
from components.specs import agent_manifests, platform_manifests, pool_manifests
from components.stacks import Stack, parse_stack
from policies.judge import Policies
from policies.manifest_reading import kind_of, name_of
from policies.pack.objects import UnknownError
from policies.rule import Manifest, Subject, Violation
from policies.rules import RULES
from policies.waivers import Waivers

Identity = tuple[str, str]
# An agent's manifests are asked for while its objects are registered, one agent after the other.
_AGENTS_KEPT = 256


@dataclass(frozen=True, slots=True)
class Part:
    """The objects of a subject as the files say they are, and the violations of all of them together, by object.

    `owned` is false for what lies in no component of Roster's.
    """

    subject: Subject
    manifests: Mapping[Identity, Manifest]
    violations: Mapping[Identity, tuple[Violation, ...]]
    owned: bool = True


class Repository:
    """Reads the fleet at `top` when first asked, once. `today` is an ISO date."""

    def __init__(self, top: Path, today: str) -> None:
        self.today = today
        self._top = top
        self._fleet: Fleet | None = None
        self._lock = Lock()
        self._agent = lru_cache(_AGENTS_KEPT)(self._make)

    @property
    def fleet(self) -> Fleet:
        """The fleet. Raises InvalidInput; the stack's program refuses such a catalog before it registers anything."""
        with self._lock:
            if self._fleet is None:
                self._fleet = Fleet.open(WorkTree(self._top))
            return self._fleet

    @property
    def waivers(self) -> Waivers:
        """The waivers of the day."""
        return Waivers(self.fleet.catalog.waivers, self.today)

    def part_of(self, urn: str) -> Part:
        """The part that a resource belongs to."""
        stack, component = _owner(urn)
        return self._agent(stack, component)

    def alone(self, manifest: Manifest, subject: Subject) -> Iterator[Violation]:
        """The violations of an object whose siblings are not known, by the rules that judge one object.

        A rule that comes upon what is not known yet says no more.
        """
        for rule in RULES:
            if rule.judge is None or kind_of(manifest) not in rule.kinds:
                continue
            try:
                for problem in rule.judge(manifest, subject):
                    answer = self.waivers.answer(rule.id, subject)
                    yield Violation(rule, kind_of(manifest), name_of(manifest), problem, answer.holds, answer.lapsed)
            except UnknownError:
                continue

    def _make(self, stack_name: str, component: str) -> Part:
        try:
            stack = parse_stack(stack_name, self.fleet.catalog)
        except LookupError:
            return Part(Subject(), {}, {}, owned=False)
        catalog = self.fleet.catalog
        shared = Subject(stack.environment, stack.pool, None, catalog)
        if not component:
            return Part(shared, {}, {}, owned=False)
        if stack.kind == "platform":
            return self._judged(platform_manifests(stack.environment, catalog), shared)
        if stack.kind == "pool":
            return self._judged(pool_manifests(stack.pool, stack.environment, catalog), shared)
        agent = self._resolved(stack, component)
        if agent is None:
            return Part(shared, {}, {})
        return self._judged(agent_manifests(agent), Subject.of(agent, catalog))

    def _resolved(self, stack: Stack, name: str) -> ResolvedAgent | None:
        paths = [path for path in self.fleet.definitions if agent_of(path) == (stack.pool, name)]
        return self.fleet.examine(paths[0], [stack.environment]).resolved.get(stack.environment) if paths else None

    def _judged(self, manifests: list[Manifest], subject: Subject) -> Part:
        return judged_part(manifests, subject, Policies(self.fleet.catalog.waivers, self.today))


def judged_part(manifests: list[Manifest], subject: Subject, policies: Policies) -> Part:
    """A part that the files define, with all that is wrong with it."""
    found: dict[Identity, list[Violation]] = {}
    for one in policies.judge(manifests, subject):
        found.setdefault((one.kind, one.name), []).append(one)
    objects = {(kind_of(one), name_of(one)): one for one in manifests}
    return Part(subject, objects, {key: tuple(ones) for key, ones in found.items()})


def _owner(urn: str) -> tuple[str, str]:
    """The stack, and the agent, pool or platform that a resource belongs to; empty for none."""
    stack, _, rest = urn.removeprefix("urn:pulumi:").partition("::")
    types, _, name = rest.partition("::")[2].partition("::")
    owned = not COMPONENT_TYPES.keys().isdisjoint(types.split("$"))
    # Objects are named COMPONENT/KIND (components/resources/order.py).
    return stack, name.partition("/")[0] if owned else ""
