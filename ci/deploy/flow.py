"""The order of a deployment: who goes first, then environment after environment, in each platform, pools and waves."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ci.deploy.changes import Change
from ci.deploy.situation import Situation
from ci.deploy.steps import Outcome, Steps, StopError, names
from ci.deploy.waves import held_secrets, plan_waves, split_phases
from components.definition.load_catalog import Catalog
from stacks.decisions import STOPS

BEHIND = "an environment before this one was stopped"
SUCCESSOR = "a new agent, which may be its successor, waits as well"
NOT_BEFORE = "it is not deployed in the environment before this one"


@dataclass(slots=True)
class Flow:
    """One deployment. `release`: agents whose hold ends; `frozen`: environment → why; `say` is told what happens.

    `first_only`: nothing but what goes first, kill switches and rollbacks.
    """

    catalog: Catalog
    steps: Steps
    say: Callable[[str], None]
    release: Collection[str] = ()
    frozen: Mapping[str, str] = field(default_factory=dict)
    first_only: bool = False
    outcomes: list[Outcome] = field(default_factory=list)

    def run(self, situations: Sequence[Situation], before: Mapping[str, set[str]]) -> Outcome:
        """Deploys the environments in their order.

        `before`: environment → keys outstanding in those before it that are not among `situations`.
        """
        for one in situations:
            self._open(one)
        # The last environment is what customers talk to: a kill switch reaches it first.
        for one in reversed(situations):
            if "interrupted" not in self.outcomes:
                self._guarded(one, self._first)
        outstanding: set[str] = set()
        for one in [] if self.first_only else situations:
            blocked = outstanding | before.get(one.environment, set())
            if not self.outcomes:
                self._guarded(one, partial(self._environment, blocked=blocked))
            elif self.steps.ledger.report.of(one.environment).state == "unchanged" and (one.changes or one.shared):
                self.steps.ledger.environment(one.environment, "waiting", BEHIND)
                self.steps.ledger.because(one.changes, BEHIND)
            outstanding |= one.outstanding()
        worst: list[Outcome] = [one for one in self.outcomes if one != "stopped"] or self.outcomes
        return worst[0] if worst else "well"

    def _open(self, one: Situation) -> None:
        for stack, why in {**one.unknown, **one.faults}.items():
            self.steps.ledger.fault(one.environment, stack, why)
            self.say(f"{stack}: {why}")
        for change in one.changes:
            self.steps.ledger.open(change, self._released(change))

    def _guarded(self, one: Situation, work: Callable[[Situation], None]) -> None:
        try:
            work(one)
        except StopError as stop:
            self.outcomes.append(stop.outcome)
            self.steps.ledger.environment(one.environment, "held" if stop.outcome == "stopped" else "failed", str(stop))
            self.steps.ledger.broken_off(one.changes, str(stop))
            self.steps.ledger.because(one.changes, "the run was stopped before its turn")
            self.say(f"{one.environment}: {stop}")

    def _first(self, one: Situation) -> None:
        """Kill switches and rollbacks: past waves, freezes and environments."""
        # An agent that lies in another shard now would keep its old shard, and the stops in it, from being applied.
        self.steps.move(one)
        stops = [change for change in one.changes if change.first == STOPS]
        if stops:
            self.say(f"{one.environment}: stops {names(stops)}")
            self.steps.stop(one, stops)
        back = [change for change in one.changes if change.first]
        if back:
            self.say(f"{one.environment}: back to what ran before: {names(back)}")
            self.steps.wave(one, back, [])

    def _environment(self, one: Situation, blocked: set[str]) -> None:
        ledger = self.steps.ledger
        self.steps.prove(one)
        frozen = self.frozen.get(one.environment, "")
        if frozen:
            if one.changes or one.shared:
                ledger.environment(one.environment, "frozen", frozen)
                ledger.because(one.changes, frozen)
            self.steps.record(one)
            return
        touched = bool(one.shared or one.changes)
        for kind in ("platform", "pool"):
            stacks = [stack for stack in one.shared if stack.kind == kind and not {stack.pool, ""} & blocked]
            if stacks:
                self.say(f"{one.environment}: {', '.join(stack.name for stack in stacks)}")
                self.steps.shared(one, stacks)
        newcomers = [change for change in one.changes if _is_new(change) and self._waits(change, blocked)]
        self._agents(one, [change for change in one.changes if self._ready(change, blocked, newcomers)])
        self.steps.record(one)
        if one.faults or one.unknown:
            raise StopError("stopped", f"not applied: {', '.join([*one.faults, *one.unknown])}")
        if touched:
            ledger.environment(one.environment, "deployed" if not one.outstanding() else "held")

    def _agents(self, one: Situation, ready: Sequence[Change]) -> None:
        self.steps.guard(one, ready)
        first, waved, last = split_phases(ready)
        if first:
            self.say(f"{one.environment}: makes room, without {names(first)}")
            self.steps.remove(one, first)
        shares = self.catalog.environments[one.environment].rollout.waves
        waves = plan_waves(waved, shares, self.steps.commit, first_of_all=one.applied == 0)
        for number, wave in enumerate(waves, 1):
            self.say(f"{one.environment}: wave {number} of {len(waves)}, {len(wave)} agents: {names(wave)}")
            self.steps.wave(one, wave, [change for later in waves[number:] for change in later])
        if last:
            self.say(f"{one.environment}: removes {names(last)}")
            self.steps.remove(one, last)

    def _ready(self, change: Change, blocked: set[str], newcomers: Sequence[Change]) -> bool:
        """Whether the agent may change here now; says why when it may not."""
        if change.kind == "held" and not self._released(change):
            return False
        if {change.key, change.stack.pool, ""} & blocked:
            self.steps.ledger.because([change], NOT_BEFORE)
            return False
        if change.barred:
            self.steps.ledger.bar(change)
            return False
        if change.kind == "removed" and any(_may_follow(one, change) for one in newcomers):
            self.steps.ledger.because([change], SUCCESSOR)
            return False
        return True

    def _waits(self, change: Change, blocked: set[str]) -> bool:
        return change.key in blocked or bool(change.barred) or (change.kind == "held" and not self._released(change))

    def _released(self, change: Change) -> bool:
        return change.key in self.release or change.name in self.release


def _may_follow(newcomer: Change, gone: Change) -> bool:
    """Whether an agent that waits may be the successor of one that goes.

    One that failed holds the removals of its pool, for the two are one change that did not work. Images wait for days
    without anybody's fault: then only what moves to another pool by its name, or takes over a bot, is held.
    """
    if newcomer.name == gone.name:
        return True
    if not newcomer.barred:
        return newcomer.stack.pool == gone.stack.pool
    return bool(newcomer.offer and {*newcomer.offer.credentials} & held_secrets(gone))


def _is_new(change: Change) -> bool:
    """Whether the agent never ran there."""
    return change.offer is not None and not (change.last and change.last.digest)
