"""One stack, previewed or applied: waits for its lock, runs the engine, and says what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ci.engine.automation import Command, Workspace, clock, open_log, open_stack
from ci.engine.command import Pulumi
from ci.engine.failure import EngineError, Failure
from ci.engine.file_backend import lack_of_room
from ci.engine.interruption import Interruption
from ci.engine.locks import locks_in, release, waited_out
from ci.engine.outcome import StackResult, Tally
from ci.engine.said import last_words
from ci.engine.throwaway import empty_backend
from ci.engine.urns import patterns_of
from ci.engine.verdict import verdict

if TYPE_CHECKING:
    from ci.engine.runs import Moment, StackRun

_POLL_SECONDS = 5.0
# Judges every object before it is applied, and in every preview.
POLICY_PACK = "policies"
# Without the state being written at each step a first creation is six times as fast. A SIGKILL then loses what the run
# recorded, which is nothing that anybody knew before; the next run takes the objects up by their names.
_UNRECORDED = {"PULUMI_SKIP_CHECKPOINTS": "true"}


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all runs of one call have in common."""

    pulumi: Pulumi
    folder: Path
    wait_seconds: float
    interruption: Interruption
    on_event: Callable[[Moment], None]


def run_one(job: StackRun, around: Surroundings) -> StackResult:
    """Runs one job to its end. What goes wrong is in the result's `failure`."""
    elapsed = clock()
    with ExitStack() as opened:
        log = opened.enter_context(open_log(around.folder, job.stack))
        run = _Run(job, around, Command(around.pulumi, around.interruption, log))
        try:
            failure = run.until_unlocked(opened)
        except OSError as error:
            failure = Failure("no-disk" if error.errno == 28 else "broken", f"{job.stack}: {error.strerror}")
        except EngineError as error:
            failure = error.failure
        return replace(run.result(failure), seconds=elapsed(), log=Path(log.name))


class _Run:
    def __init__(self, job: StackRun, around: Surroundings, command: Command) -> None:
        self._job = job
        self._around = around
        self._command = command
        self._tally = Tally()
        self._notes: list[str] = []

    def until_unlocked(self, opened: ExitStack) -> Failure | None:
        """Runs, again when a lock was waited for or was of a run that is dead. Raises EngineError."""
        variables = dict(self._job.variables)
        if self._job.action == "up" and (why := lack_of_room(self._around.pulumi.backend.url)):
            return Failure("no-disk", why)
        if self._job.action == "preview" and not self._job.exists:
            pulumi = self._around.pulumi
            variables |= opened.enter_context(empty_backend(pulumi.top, self._job.stack, pulumi.variables()))
        elif not self._job.exists or self._job.first:
            variables |= _UNRECORDED
        since = time.monotonic()
        while True:
            text, code = self._read(self._job.unsure) if self._job.action == "up" else ("", 0)
            if not code:
                text, code = self._once(variables)
            locks = locks_in(text) if code else []
            if not locks:
                self._catch_up(code)
                return verdict(self._job.stack, code, text, self._tally, self._around.interruption.asked.is_set())
            if all(lock.dead for lock in locks):
                release(self._around.pulumi, self._job.stack)
                self._notes.append(f"the lock of a run that was killed was taken away: held {locks[0]}")
                self._tell("waiting", self._notes[-1])
            elif time.monotonic() - since >= self._around.wait_seconds:
                return Failure("locked", waited_out(self._job.stack, locks, self._around.wait_seconds))
            elif self._around.interruption.asked.wait(_POLL_SECONDS):
                return Failure(
                    "interrupted", f"{self._job.stack}: interrupted while it was locked; nothing was touched"
                )
            else:
                self._tell("waiting", f"locked {locks[0]}; waiting")

    def _catch_up(self, code: int) -> None:
        """Has the state say what is in the cluster, of the objects that an interrupted up was changing.

        Pulumi ends its waiting for an object that it has changed already, and forgets that it did: going back to what
        was there before would then seem to be nothing to do.
        """
        if code and self._job.action == "up" and self._around.interruption.asked.is_set():
            text, failed = self._read(self._tally.in_flight())
            if failed:
                self._notes.append(f"what was interrupted could not be read again: {last_words(text)}")

    def _read(self, urns: Sequence[str]) -> tuple[str, int]:
        """Brings the state up to date with the cluster, for these objects; what was said, and the exit code."""
        if not urns:
            return "", 0
        targets = [word for urn in urns for word in ("--target", urn)]
        done = self._around.pulumi.run(
            ["refresh", "--yes", "--skip-preview", *targets], stack=self._job.stack, seconds=600
        )
        return done.text, done.code

    def result(self, failure: Failure | None) -> StackResult:
        """What became of it."""
        tally = self._tally
        return StackResult(
            self._job.stack,
            self._job.action,
            failure,
            components=tally.components(),
            deleted=tally.lost("delete"),
            replaced=tally.lost("replace"),
            failed=tally.failed(),
            notes=(*self._notes, *tally.advice()),
            peak_bytes=self._command.peak_bytes,
        )

    def _once(self, variables: dict[str, str]) -> tuple[str, int]:
        """All that was said, and the exit code, which is 0 for success only."""
        from pulumi.automation.errors import CommandError, StackAlreadyExistsError

        self._tally = Tally()
        said: list[str] = []
        pulumi = self._around.pulumi
        workspace = Workspace(
            work_dir=str(pulumi.top),
            pulumi_command=self._command,
            env_vars=variables,
            secrets_provider=pulumi.backend.secrets_provider or None,
        )
        try:
            try:
                stack = open_stack(self._job.stack, workspace, self._job.exists)
            except StackAlreadyExistsError:
                # Made by a run that was killed before its first step, or by another one meanwhile.
                stack = open_stack(self._job.stack, workspace, exists=True)
            how: dict[str, Any] = {"color": "never", "suppress_progress": True, "suppress_outputs": True}
            if self._job.look:
                how["target"] = patterns_of(self._job.stack, self._job.look)
            how["policy_packs"] = [str(pulumi.top / POLICY_PACK)]
            apply = stack.up if self._job.action == "up" else stack.preview
            apply(on_output=said.append, on_error=said.append, on_event=self._hear, **how)
        except CommandError as error:
            return "\n".join([*said, str(error)]), 1
        except RuntimeError as error:
            # The library's own, when a preview ends without a summary.
            return "\n".join([*said, str(error)]), 1
        return "\n".join(said), 0

    def _hear(self, event: Any) -> None:
        self._tally.add(event)
        if event.res_outputs_event:
            self._tell("step")

    def _tell(self, kind: Any, text: str = "") -> None:
        from ci.engine.runs import Moment

        tally = self._tally
        self._around.on_event(Moment(kind, self._job.stack, tally.components_done, tally.objects_done, text))
