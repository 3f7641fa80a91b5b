"""Hands for the real order of a deployment: the real program applies through the mocks, the real gate watches.

Only the engine is not there: what it would remember is the outputs that one run hands on to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from programs import Applied, Running, start_program

from ci.deploy.changes import Change
from ci.deploy.early import EarlyWatch
from ci.deploy.hands import Verdict
from ci.deploy.live_gate import LiveGate, ended_early
from ci.engine.failure import Failure
from ci.engine.interruption import Interruption
from ci.engine.outcome import Action, FailedResource, StackResult
from ci.engine.records import Record, StackRecord, Unreadable
from ci.engine.urns import component_of, is_component, name_of, type_of
from components.applied import COMPONENT_TYPES, applied_from
from components.stacks import Stack
from stacks.instructions import Instructions


@dataclass
class ApplyingHands:
    """Works on the project in `top`, at `commit`. `outputs`: what all components said last, by URN.

    An object that is not ready within `wait_seconds` has failed, as far as the engine goes. `waves` are the agents that
    were watched, in order; `ran` the stacks of each run.
    """

    top: Path
    kubeconfig: Path
    commit: str
    live: LiveGate
    outputs: dict[str, dict[str, object]]
    wait_seconds: float
    waves: list[set[str]] = field(default_factory=list)
    ran: list[set[str]] = field(default_factory=list)

    def records(self, stacks: Sequence[Stack]) -> dict[str, StackRecord]:
        """See Hands."""
        return {stack.name: self._record(stack.name) for stack in stacks}

    def run(
        self, action: Action, jobs: Mapping[Stack, Instructions], wave: Sequence[Change] = ()
    ) -> dict[str, StackResult]:
        """See Hands."""
        assert action == "up", "the mocks have no state, so they cannot preview"
        self.ran.append({stack.name for stack in jobs})
        if wave:
            self.waves.append({change.name for change in wave})
        interruption = Interruption()
        with ExitStack() as opened:
            early = opened.enter_context(EarlyWatch(self.live.by_cluster(wave, opened), interruption))
            runs = {stack.name: self._start(stack, told) for stack, told in jobs.items()}
            for one in runs.values():
                interruption.started(one.process.pid)
            ended = {name: one.end() for name, one in runs.items()}
        results = {name: self._result(name, one) for name, one in ended.items()}
        if early.failed:
            results = {name: ended_early(result, wave, early.failed) for name, result in results.items()}
        return results

    def gate(self, changes: Sequence[Change], failed: Mapping[Change, str]) -> dict[Change, Verdict]:
        """See Hands."""
        return self.live.verdicts(changes, failed)

    def move(self, source: Stack, target: Stack, agents: Sequence[str]) -> None:
        """See Hands."""
        raise AssertionError("the mocks have no state, so nothing can be moved in it")

    def _start(self, stack: Stack, told: Instructions) -> Running:
        path = self.top.parent / f"{stack.name}.json"
        path.write_text(told.as_json(), "utf-8")
        return start_program(
            self.top,
            self.kubeconfig,
            stack.name,
            previous=self.outputs,
            wait_seconds=self.wait_seconds,
            continue_on_error=True,
            ROSTER_RUN=str(path),
            ROSTER_COMMIT=self.commit,
        )

    def _result(self, stack: str, applied: Applied) -> StackResult:
        for urn, said in applied.outputs.items():
            # One that did not come to its end says what it said before, if it ever said anything.
            if said["outputs"] or urn not in self.outputs:
                self.outputs[urn] = said
        if applied.good:
            return StackResult(stack, "up", None)
        failed = {component_of(urn): (FailedResource(urn, (said,)),) for urn, said in applied.failed.items()}
        kind = "failed" if failed else "interrupted" if applied.exit_code == 130 else "crash"
        return StackResult(stack, "up", Failure(kind, f"{stack}: {applied.said}"), failed=failed)

    def _record(self, stack: str) -> StackRecord:
        ours = {urn: said for urn, said in self.outputs.items() if urn.startswith(f"urn:pulumi:{stack}::")}
        found: dict[str, dict[str, Record]] = {kind: {} for kind in COMPONENT_TYPES.values()}
        for urn in filter(is_component, ours):
            outputs = ours[urn]["outputs"]
            assert isinstance(outputs, dict)
            found[COMPONENT_TYPES[type_of(urn)]][name_of(urn)] = applied_from(outputs) or Unreadable(0)
        return StackRecord(
            stack, exists=bool(ours), agents=found["agent"], pool=found["pool"], platform=found["platform"]
        )


def sizes(waves: Iterable[set[str]]) -> list[int]:
    """How many agents each wave had."""
    return [len(wave) for wave in waves]
