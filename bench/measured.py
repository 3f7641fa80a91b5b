"""Runs a command and says what it took: wall and CPU time, and memory of it and all its children."""

from __future__ import annotations

import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

_PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20
_SAMPLE_SECONDS = 0.02


class Failed(Exception):  # noqa: N818
    """A command that ended with another exit code than 0; what it said goes with it."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run, children included. Seconds; MiB: `largest` of any one process, `together` the sum of all at one time.

    `together` counts memory that processes share once for each, and is sampled: an upper bound but for short peaks.
    """

    wall: float
    user: float
    system: float
    largest: float
    together: float


def measure(command: Sequence[str | Path], folder: Path, output: Path) -> Run:
    """Runs `command` in `folder`, its standard output into the file `output`. Raises Failed."""
    errors = output.with_suffix(".stderr")
    with output.open("wb") as out, errors.open("wb") as err:
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], cwd=folder, stdout=out, stderr=err)
        samples = [0.0]
        ended = threading.Event()
        sampler = threading.Thread(target=_sample, args=(process.pid, samples, ended))
        sampler.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        ended.set()
        sampler.join()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        said = errors.read_text("utf-8", "replace")[-2000:] or output.read_text("utf-8", "replace")[-2000:]
        raise Failed(f"{' '.join(map(str, command))}: exit {process.returncode}\n{said}")
    largest = usage.ru_maxrss / 1024
    return Run(wall, usage.ru_utime, usage.ru_stime, largest, max(*samples, largest))


def median(runs: Iterable[Run]) -> Run:
    """The median of each figure by itself."""
    runs = list(runs)
    return Run(*(statistics.median(getattr(run, field.name) for run in runs) for field in fields(Run)))


def _sample(pid: int, samples: list[float], ended: threading.Event) -> None:
    while not ended.wait(_SAMPLE_SECONDS):
        samples.append(_resident(pid))


def _resident(pid: int) -> float:
    """MiB in memory, of a process and all its descendants."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        # Of each thread, as a child belongs to the one that started it.
        children = [one for task in Path(f"/proc/{pid}/task").glob("*/children") for one in task.read_text().split()]
    except (OSError, IndexError):  # it has ended meanwhile
        return 0.0
    return pages * _PAGE_MIB + sum(_resident(int(child)) for child in children)
