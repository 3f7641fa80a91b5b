"""Processes that descend from one: Pulumi's language host, program and plugins live in groups of their own."""

from __future__ import annotations

import contextlib
import os
import signal
from collections import defaultdict
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(pid: int) -> list[int]:
    """All processes below `pid`, children first; none where there is no /proc."""
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # Its name stands in brackets and may hold anything, brackets too.
            parent = (folder / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[1]
            children[int(parent)].append(int(folder.name))
    found, todo = [], list(children[pid])
    while todo:
        one = todo.pop(0)
        found.append(one)
        todo += children[one]
    return found


def memory_bytes(pid: int) -> int:
    """What a process and all below it hold in memory; shared pages count for each."""
    total = 0
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(OSError, ValueError, IndexError):
            total += int(Path(f"/proc/{one}/statm").read_text("ascii").split()[1]) * _PAGE
    return total


def kill_all(pid: int) -> None:
    """Kills a process and all below it, at once."""
    for one in (pid, *descendants(pid)):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(one, signal.SIGKILL)


def is_alive(pid: int) -> bool:
    """Whether there is such a process on this machine, whoever owns it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
