"""Runs one function over many definitions, in as many processes as there are cores."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# Below this, starting a process costs more than it saves.
_WORTH_A_PROCESS = 60
_CHUNK = 100
_PR_SET_PDEATHSIG = 1

# Handed to the workers by fork, so that neither the function nor what it closes over has to be pickled.
_work: Callable[[Any], Any] | None = None
_items: Sequence[Any] = ()


class WorkerDied(Exception):  # noqa: N818
    """A worker process was killed, most likely for want of memory."""


def for_each(items: Sequence[Item], work: Callable[[Item], Result], processes: int | None = None) -> Iterator[Result]:
    """The results of `work` for each item, in order. Results are pickled on their way: keep them small.

    Raises WorkerDied when a process is killed from outside; what `work` raises is raised here.
    """
    count = processes or len(os.sched_getaffinity(0))
    if count < 2 or len(items) < _WORTH_A_PROCESS:
        yield from map(work, items)
        return
    global _work, _items
    _work, _items = work, items
    gc.freeze()
    try:
        context = multiprocessing.get_context("fork")
        with ProcessPoolExecutor(count, context, _die_with_parent, (os.getpid(),)) as pool:
            for results in pool.map(_chunk, range(0, len(items), _CHUNK)):
                yield from results
    except BrokenProcessPool as error:
        raise WorkerDied("a worker process was killed (out of memory?); nothing was written") from error
    finally:
        _work, _items = None, ()


def _die_with_parent(parent: int) -> None:
    """Has the kernel end this worker when its parent dies: an orphan would hold the output's lock for ever."""
    with contextlib.suppress(OSError, AttributeError):  # only Linux has it
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _chunk(start: int) -> list[Any]:
    if _work is None:
        raise RuntimeError("a worker was started before its work was set")
    gc.disable()
    try:
        return [_work(item) for item in _items[start : start + _CHUNK]]
    finally:
        gc.enable()
