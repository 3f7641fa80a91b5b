"""The single steps of a deployment in one environment. Each ends well or raises StopError, with everything in place."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ci.deploy.changes import Change, change_of
from ci.deploy.hands import Hands, Verdict
from ci.deploy.ledger import Ledger
from ci.deploy.situation import Situation
from ci.engine.failure import Kind as FailureKind
from ci.engine.runs import StackResult
from components.applied import Held, Why
from components.removals import alarming
from components.stacks import Stack
from stacks.instructions import Instructions

Outcome = Literal["well", "stopped", "permission", "locked", "unreachable", "interrupted"]
_OUTCOMES: dict[FailureKind, Outcome] = {
    "locked": "locked",
    "unreachable-backend": "unreachable",
    "unreachable-cluster": "unreachable",
    "expired-credentials": "unreachable",
    "wrong-cluster": "unreachable",
    "interrupted": "interrupted",
}
PERMISSION = (
    "{count} of {total} agents would be deleted or replaced ({names}). If that is meant, a reviewer who is not the "
    "author approves the last commit of the pull request with the line `roster: allow deletions`"
)


class StopError(Exception):
    """An environment goes no further; `outcome` says how it ended."""

    def __init__(self, outcome: Outcome, reason: str) -> None:
        super().__init__(reason)
        self.outcome = outcome


@dataclass(frozen=True, slots=True)
class Steps:
    """`commit` is what is applied. `removals_allowed`: a reviewer allowed many agents to go.

    `unrecorded`: agents that the gate found well, of which the stacks do not know it yet.
    `sharing` says which of some changes are not their agents' own alone (`ci.deploy.causes`).
    """

    commit: str
    hands: Hands
    ledger: Ledger
    sharing: Callable[[Iterable[Change]], Collection[Change]]
    removals_allowed: bool = False
    unrecorded: dict[Stack, set[str]] = field(default_factory=dict)

    def shared(self, one: Situation, stacks: Sequence[Stack]) -> None:
        """Applies platform or pool stacks: without waves, as they hold no pods."""
        self._run(one, {stack: Instructions() for stack in stacks})
        one.shared = [stack for stack in one.shared if stack not in stacks]

    def move(self, one: Situation) -> None:
        """Moves agents that lie in another shard now, from state to state; their objects are not touched."""
        by_name = {stack.name: stack for stack in (*one.stacks, *one.others)}
        moving = {(change.target, change.name): change for change in one.changes if change.kind == "moved"}
        pairs: dict[tuple[str, str], list[str]] = defaultdict(list)
        for change in moving.values():
            pairs[change.stack.name, change.target].append(change.name)
        for (source, target), names in pairs.items():
            self.hands.move(by_name[source], by_name[target], names)
        arrived = {change: moving.get((change.stack.name, change.name)) for change in one.changes}
        for change in moving.values():
            self.ledger.moved(change)
        one.settle([*moving.values()])
        for change, came in arrived.items():
            if came and came.last:
                one.settle([change])
                now = change_of(change.stack, change.name, change.offer, came.last, change.stack)
                if now:
                    self.ledger.replace(change, now)
                    one.changes.append(now)
                else:
                    self.ledger.settle([change])

    def stop(self, one: Situation, stopping: Sequence[Change]) -> None:
        """Stops agents: without watching, and without any way in which another agent's failure takes it back."""
        self.ledger.state(stopping, "deploying")
        self._run(one, self._jobs(stopping))
        self._settle(one, stopping)

    def guard(self, one: Situation, ready: Sequence[Change]) -> None:
        """Asks the engine what would be deleted and replaced; that must not be a lot unless somebody allowed it."""
        touched = [change for change in ready if change.kind in ("changed", "removed")]
        if not touched or self.removals_allowed:
            return
        stacks = {change.stack for change in touched}
        jobs = {stack: job for stack, job in self._jobs(ready, allowed=True).items() if stack in stacks}
        results = self.hands.run("preview", jobs)
        stop_on(results)
        gone = sorted({name for result in results.values() for name in (*result.deleted, *result.replaced)})
        if alarming(len(gone), one.applied):
            shown = ", ".join(gone[:10]) + (" …" if len(gone) > 10 else "")
            raise StopError("permission", PERMISSION.format(count=len(gone), total=one.applied, names=shown))

    def remove(self, one: Situation, going: Sequence[Change]) -> None:
        """Takes agents away."""
        self.ledger.state(going, "deploying")
        self._run(one, self._jobs(going))
        self._settle(one, going)

    def wave(self, one: Situation, wave: Sequence[Change], rest: Sequence[Change]) -> None:
        """Applies a wave and watches it. A wave that fails is returned, and whoever of `rest` shares the cause held."""
        self.ledger.state(wave, "deploying")
        results = self.hands.run("up", self._jobs(wave), wave)
        self.ledger.ran(one.environment, results)
        failed = _failed(wave, results)
        stop_on(
            {name: result for name, result in results.items() if result.failure and result.failure.kind != "failed"}
        )
        self.ledger.state(wave, "monitoring")
        verdicts = self.hands.gate(wave, failed)
        bad = {change: verdict for change, verdict in verdicts.items() if not verdict.healthy}
        # Something failed that belongs to no agent of the wave: nobody is to blame, and the wave is not whole.
        unexplained = [result for result in results.values() if result.failure] if not bad else []
        if not bad and not unexplained:
            self._well(one, wave)
            return
        self._return(one, wave, bad, rest)
        stop_on({result.stack: result for result in unexplained})
        raise StopError("stopped", f"{names(bad)} failed; this wave's agents are back at what ran before")

    def prove(self, one: Situation) -> None:
        """Watches agents that a run applied which was killed before it could tell whether they are well."""
        unproven = [change for change in one.changes if change.kind == "unproven"]
        if not unproven:
            return
        self.ledger.state(unproven, "monitoring")
        verdicts = self.hands.gate(unproven, {})
        bad = {change: verdict for change, verdict in verdicts.items() if not verdict.healthy}
        self._well(one, [change for change in unproven if change not in bad])
        if bad:
            self._return(one, list(bad), bad, [change for change in one.changes if change not in bad])
            raise StopError("stopped", f"{names(bad)} failed and are back at what ran before")

    def record(self, one: Situation) -> None:
        """Has the stacks remember which agents the gate found well."""
        told = {stack: Instructions(frozenset(), proven=frozenset(found)) for stack, found in self.unrecorded.items()}
        self.unrecorded.clear()
        if told:
            self._run(one, told)

    def _well(self, one: Situation, changes: Sequence[Change]) -> None:
        for change in changes:
            # As `stacks.decisions` has it: who is stopped or new has nothing to prove.
            if change.offer and change.kind != "new" and not change.offer.suspended:
                self.unrecorded.setdefault(change.stack, set()).add(change.name)
        self._settle(one, changes)

    def _return(
        self, one: Situation, wave: Sequence[Change], bad: Mapping[Change, Verdict], rest: Sequence[Change]
    ) -> None:
        # A change that is an agent's own alone says nothing of the others', nor theirs of it.
        shared = set(self.sharing((*wave, *rest))) if self.sharing(bad) else set()
        holds: dict[Stack, dict[str, Held]] = defaultdict(dict)
        back: dict[Stack, set[str]] = defaultdict(set)
        for change in bad:
            verdict = bad[change]
            holds[change.stack][change.name] = Held(change.digest, self.commit, "failed", verdict.reason)
            self.ledger.blame(change, "failed", verdict.reason, verdict.advice, verdict.detail)
        together = set(wave)
        for change in (*wave, *rest):
            if change in bad:
                continue
            if change in shared:
                reason = f"its change is one that it shares with {names(bad)}, which failed"
                why: Why = "returned" if change in together else "stopped"
                holds[change.stack][change.name] = Held(change.digest, self.commit, why, reason)
                self.ledger.blame(change, "held", reason)
            elif change.key in {one.key for one in bad}:
                # The same objects, in another cluster.
                reason = "it failed in another cluster"
                holds[change.stack][change.name] = Held(change.digest, self.commit, "stopped", reason)
                self.ledger.blame(change, "held", reason)
            elif change in together and change.kind == "new":
                # Nothing ran before it: to return it would be to delete it for another one's fault.
                self.ledger.wait(change, f"is left as it is; {names(bad) or 'a stack'} of its wave failed")
            elif change in together:
                back[change.stack].add(change.name)
                reason = f"was in one wave with {names(bad) or 'a stack that failed'}, and goes again with the next run"
                self.ledger.wait(change, reason)
        # Agents that were new go again: that is no removal that anybody has to allow.
        self._run(
            one,
            {
                stack: Instructions(
                    frozenset(), holds.get(stack, {}), frozenset(back.get(stack, ())), allow_removals=True
                )
                for stack in sorted({*holds, *back}, key=lambda stack: stack.name)
            },
        )

    def _jobs(self, changes: Sequence[Change], allowed: bool = False) -> dict[Stack, Instructions]:
        by_stack: dict[Stack, list[Change]] = defaultdict(list)
        for change in sorted(changes, key=lambda one: (one.stack.name, one.name)):
            by_stack[change.stack].append(change)
        return {
            stack: Instructions(
                apply=frozenset(change.name for change in members),
                release=frozenset(change.name for change in members if change.held),
                allow_removals=allowed or self.removals_allowed,
                proven=frozenset() if allowed else frozenset(self.unrecorded.pop(stack, ())),
            )
            for stack, members in by_stack.items()
        }

    def _run(self, one: Situation, jobs: Mapping[Stack, Instructions]) -> None:
        results = self.hands.run("up", jobs)
        self.ledger.ran(one.environment, results)
        stop_on(results)

    def _settle(self, one: Situation, changes: Sequence[Change]) -> None:
        self.ledger.settle(changes)
        one.settle(changes)


def stop_on(results: Mapping[str, StackResult]) -> None:
    """Raises StopError when a run did not end well."""
    bad = [result for result in results.values() if result.failure]
    for result in bad:
        if result.failure:
            outcome = _OUTCOMES.get(result.failure.kind, "stopped")
            raise StopError(outcome, "; ".join(_said(one) for one in bad))


def _said(result: StackResult) -> str:
    message = result.failure.message if result.failure else ""
    return message if message.startswith(result.stack) else f"{result.stack}: {message}"


def names(changes: Iterable[Change]) -> str:
    """Who that is, in a few words."""
    found = sorted({change.key for change in changes})
    return ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")


def _failed(wave: Sequence[Change], results: Mapping[str, StackResult]) -> dict[Change, str]:
    """Who could not be applied, with what the engine said."""
    found = {}
    for change in wave:
        said = results[change.stack.name].failed.get(change.name)
        if said:
            found[change] = "\n".join(line for resource in said for line in resource.messages)
    return found
