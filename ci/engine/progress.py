"""Shows runs as they go: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from ci.engine.runs import Moment, StackRun
from ci.terminal import redraws

if TYPE_CHECKING:
    from rich.table import Table

EVERY_SECONDS = 30.0
# Before this share is done, a guess at what is left would be a wild one.
_GUESSABLE = 0.05


class Board:
    """How far the runs are. Thread-safe; `now` is a clock in seconds that does not jump."""

    def __init__(self, jobs: Sequence[StackRun], now: Callable[[], float] = time.monotonic) -> None:
        self._jobs = {job.stack: job for job in jobs}
        self._moments: dict[str, Moment] = {}
        self._lock = threading.Lock()
        self._now = now
        self._start = now()

    def take(self, moment: Moment) -> None:
        """Takes in what happened; the last figures of a stack stay when it waits or ends."""
        with self._lock:
            self._moments[moment.stack] = moment

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Of each stack that was begun: name, agents, objects, state in words."""
        with self._lock:
            moments = list(self._moments.values())
        return [(one.stack, *self._figures(one), _state(one)) for one in moments]

    def summary(self) -> str:
        """One line: stacks and agents done, objects done, time left when it can be guessed."""
        with self._lock:
            moments = list(self._moments.values())
        ended = sum(1 for one in moments if one.kind == "end")
        agents, resources = (sum(self._done(one)[at] for one in moments) for at in (0, 1))
        parts = [f"{ended} of {len(self._jobs)} stacks"]
        parts.append(_of(agents, sum(job.agents for job in self._jobs.values()), "agents"))
        parts.append(_of(resources, sum(job.resources for job in self._jobs.values()), "objects"))
        left = self._left(moments)
        return ", ".join([*parts, f"about {left} left"] if left else parts)

    def _left(self, moments: Sequence[Moment]) -> str:
        total = sum(job.resources for job in self._jobs.values())
        done = sum(self._jobs[one.stack].resources if one.kind == "end" else one.resources for one in moments)
        if not total or done < _GUESSABLE * total or done >= total:
            return ""
        return spoken((self._now() - self._start) * (total - done) / done)

    def _figures(self, moment: Moment) -> tuple[str, str]:
        job = self._jobs[moment.stack]
        agents, resources = self._done(moment)
        return _of(agents, job.agents), _of(resources, job.resources)

    def _done(self, moment: Moment) -> tuple[int, int]:
        if moment.result is None:
            return moment.agents, moment.resources
        counts = moment.result.counts
        return len(moment.result.components), counts.changed + counts.same


@contextmanager
def progress(jobs: Sequence[StackRun], stream: TextIO | None = None) -> Iterator[Callable[[Moment], None]]:
    """Gives what `run_stacks` takes as `on_event`. Writes to standard error, or `stream`, only."""
    stream = stream or sys.stderr
    board = Board(jobs)
    show = _live if redraws(stream) else _plain
    with show(board, stream) as on_event:
        yield on_event


def line_of(moment: Moment) -> str:
    """What CI's log says of a start, a wait or an end; empty for what is not worth a line."""
    if moment.kind == "start":
        return f"{moment.stack}: started{' (a preview, which changes nothing)' if moment.text == 'preview' else ''}"
    if moment.kind == "waiting":
        return f"{moment.stack}: {moment.text}"
    if moment.kind == "end" and moment.result is not None:
        return f"{moment.stack}: {_state(moment)} ({spoken(moment.result.seconds)})"
    return ""


def spoken(seconds: float) -> str:
    """A duration as people say it: `42 s`, `3 min 5 s`."""
    whole = max(0, round(seconds))
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


@contextmanager
def _plain(board: Board, stream: TextIO) -> Iterator[Callable[[Moment], None]]:
    over = threading.Event()
    last: dict[str, str] = {}

    def say(line: str) -> None:
        stream.write(f"{line}\n")
        stream.flush()

    def take(moment: Moment) -> None:
        board.take(moment)
        line = line_of(moment)
        # A lock that is waited for is told once, not at every look.
        if line and last.get(moment.stack) != line:
            last[moment.stack] = line
            say(line)

    def tick() -> None:
        while not over.wait(EVERY_SECONDS):
            say(board.summary())

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield take
    finally:
        over.set()
        ticker.join()


@contextmanager
def _live(board: Board, stream: TextIO) -> Iterator[Callable[[Moment], None]]:
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=stream), get_renderable=lambda: _table(board), refresh_per_second=4):
        yield board.take


def _table(board: Board) -> Table:
    from rich.table import Table

    table = Table(caption=board.summary(), caption_justify="left", box=None)
    for title in ("stack", "agents", "objects", ""):
        table.add_column(title, justify="right" if title in ("agents", "objects") else "left")
    for row in board.rows():
        table.add_row(*row)
    return table


def _state(moment: Moment) -> str:
    result = moment.result
    if result is None:
        return moment.text or ("starting" if moment.kind == "start" else "running")
    if result.failure is not None:
        return result.failure.kind.replace("-", " ")
    counts = result.counts
    said = [f"{getattr(counts, name)} {name}" for name in ("create", "update", "replace", "delete")]
    return ", ".join(one for one in said if not one.startswith("0 ")) or "nothing to do"


def _of(done: int, total: int, what: str = "") -> str:
    figure = f"{done} of {total}" if total else str(done)
    return f"{figure} {what}".strip()
