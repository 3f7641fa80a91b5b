"""Ctrl-C and a job's cancellation, passed on to the runs of Pulumi so that nothing is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Any

from ci.engine.processes import kill_all

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """While it is entered, the first SIGINT or SIGTERM is passed on to each run, once; the second kills them.

    Pulumi answers SIGINT by finishing the steps at hand and recording them. Only the main thread can be entered from;
    elsewhere nothing is caught, and `ask` may be called instead.
    """

    def __init__(self) -> None:
        self.asked = threading.Event()
        self._running: set[int] = set()
        self._lock = threading.RLock()
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._caught) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def started(self, pid: int) -> None:
        """A run began. One that begins after the signal gets it too."""
        with self._lock:
            self._running.add(pid)
            if self.asked.is_set():
                _tell(pid)

    def ended(self, pid: int) -> None:
        """A run ended, and its number may soon be another process's."""
        with self._lock:
            self._running.discard(pid)

    def ask(self) -> None:
        """What a signal does."""
        with self._lock:
            again = self.asked.is_set()
            self.asked.set()
            for pid in self._running:
                if again:
                    kill_all(pid)
                else:
                    _tell(pid)

    def _caught(self, number: int, frame: FrameType | None) -> None:
        self.ask()


def _tell(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGINT)
