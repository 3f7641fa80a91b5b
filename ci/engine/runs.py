"""Previews and ups of several stacks side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ci.engine.command import Pulumi
from ci.engine.failure import Failure
from ci.engine.interruption import Interruption
from ci.engine.outcome import Action, Counts, FailedResource, StackResult
from ci.engine.width import safe_width

__all__ = ["Action", "Counts", "FailedResource", "Moment", "StackResult", "StackRun", "run_stacks", "safe_width"]


@dataclass(frozen=True, slots=True)
class StackRun:
    """One stack to preview or apply.

    `exists` and `first` as its `StackRecord` says (`exists`, `empty`): a stack that is not there is made by an up, and
    previewed in an empty backend that is thrown away. `variables` are added to the environment (ROSTER_COMMIT,
    ROSTER_RUN, ROSTER_REVIEWED). `agents` and `resources` are how many are expected, for the progress only; 0 when not
    known. `look`: of a preview, the agents that the engine is to look at; all with none. `unsure`: URNs of objects that
    a killed run was changing, which are read from the cluster before an up.
    """

    stack: str
    action: Action
    exists: bool
    first: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    agents: int = 0
    resources: int = 0
    look: tuple[str, ...] = ()
    unsure: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moment:
    """Something to show. `agents` and `resources` are done so far; `result` comes with `end`, `text` with `waiting`."""

    kind: Literal["start", "step", "waiting", "end"]
    stack: str
    agents: int = 0
    resources: int = 0
    text: str = ""
    result: StackResult | None = None


def run_stacks(
    pulumi: Pulumi,
    jobs: Sequence[StackRun],
    *,
    width: int,
    folder: Path,
    on_event: Callable[[Moment], None] | None = None,
    wait_seconds: float = 600,
    interruption: Interruption | None = None,
) -> list[StackResult]:
    """Runs the jobs, `width` at a time; results in the order of the jobs. Logs go to `folder`/logs/STACK.log.

    A lock is waited for `wait_seconds`. After SIGINT or SIGTERM no job is begun, those that run are told once and
    waited for, and all that did not end well have a failure of the kind `interrupted`; a second signal kills them.
    `on_event` is called from several threads.
    """
    from ci.engine.one_run import Surroundings, run_one

    stop = interruption or Interruption()
    tell = on_event or _ignore
    around = Surroundings(pulumi, folder, wait_seconds, stop, tell)

    def run(job: StackRun) -> StackResult:
        if stop.asked.is_set():
            message = f"{job.stack}: not begun, as the command was interrupted"
            return StackResult(job.stack, job.action, Failure("interrupted", message))
        tell(Moment("start", job.stack, text=job.action))
        result = run_one(job, around)
        tell(Moment("end", job.stack, result=result))
        return result

    with stop, ThreadPoolExecutor(max(1, width)) as pool:
        futures: list[Future[StackResult]] = [pool.submit(run, job) for job in jobs]
        # With a limit, so that signals are handled between two rounds.
        while wait(futures, timeout=1).not_done:
            pass
        return [future.result() for future in futures]


def _ignore(moment: Moment) -> None:
    """For whoever does not look."""
