"""What is shown while stacks run."""

from __future__ import annotations

import io

import pytest

from ci.engine import progress as module
from ci.engine.failure import Failure
from ci.engine.outcome import Counts, StackResult
from ci.engine.progress import Board, progress, spoken
from ci.engine.runs import Moment, StackRun

JOBS = [StackRun(f"dev.a.{n}", "up", exists=True, agents=10, resources=80) for n in range(2)]


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def _ended(stack: str, failure: Failure | None = None) -> Moment:
    result = StackResult(stack, "up", failure, {f"a{n}": Counts(create=8) for n in range(10)}, seconds=75)
    return Moment("end", stack, result=result)


def test_ci_gets_a_line_a_start_and_an_end_and_a_wait_once(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    waiting = Moment("waiting", "dev.a.0", text="locked by ann; waiting")
    with progress(JOBS, stream) as take:
        for moment in (
            Moment("start", "dev.a.0"),
            waiting,
            waiting,
            Moment("step", "dev.a.0", 1, 8),
            _ended("dev.a.0"),
        ):
            take(moment)
        take(_ended("dev.a.1", Failure("unreachable-cluster", "x")))
    assert stream.getvalue().splitlines() == [
        "dev.a.0: started",
        "dev.a.0: locked by ann; waiting",
        "dev.a.0: 80 create (1 min 15 s)",
        "dev.a.1: unreachable cluster (1 min 15 s)",
    ]
    assert capsys.readouterr().out == ""


def test_ci_is_told_from_time_to_time_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.02)
    stream = io.StringIO()
    with progress(JOBS, stream) as take:
        take(Moment("step", "dev.a.0", 5, 40))
        while "stacks" not in stream.getvalue():
            pass
    assert "0 of 2 stacks, 5 of 20 agents, 40 of 160 objects, about " in stream.getvalue()


def test_time_left_follows_from_what_is_done_and_is_not_guessed_too_early() -> None:
    clock = iter([0.0, 30.0])
    board = Board(JOBS, lambda: next(clock))
    board.take(Moment("step", "dev.a.0", 0, 4))
    assert "left" not in board.summary()
    board.take(Moment("step", "dev.a.0", 5, 40))
    assert board.summary().endswith("about 1 min 30 s left")


def test_a_terminal_sees_each_stack_with_agents_and_objects_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    stream = Terminal()
    with progress(JOBS, stream) as take:
        take(Moment("step", "dev.a.0", 5, 40))
        take(_ended("dev.a.1"))
    shown = stream.getvalue()
    assert "5 of 10" in shown
    assert "40 of 80" in shown
    assert "80 create" in shown
    assert "1 of 2 stacks" in shown
    assert capsys.readouterr().out == ""


def test_a_terminal_that_cannot_draw_anew_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    stream = Terminal()
    with progress(JOBS, stream) as take:
        take(Moment("start", "dev.a.0"))
        assert stream.getvalue() == "dev.a.0: started\n"


def test_durations_are_spoken_in_minutes_from_a_minute_on() -> None:
    assert [spoken(seconds) for seconds in (0.4, 59.4, 60, 185)] == ["0 s", "59 s", "1 min 0 s", "3 min 5 s"]
