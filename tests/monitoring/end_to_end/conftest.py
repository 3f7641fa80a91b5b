"""The record of what happened, for all tests of this folder: played once, whatever number of workers there is."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1]))

import world
from played import Record, play


@pytest.fixture(scope="session")
def record(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Record:
    """The worker that comes first plays it; others wait, and read what it wrote down."""
    if reason := world.missing():
        pytest.skip(reason)
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    written = shared / "end_to_end.json"
    with (shared / "end_to_end.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not written.exists():
            with going_first():
                play(tmp_path_factory.mktemp("world")).write(written)
    return Record.read(written)


@contextmanager
def going_first() -> Iterator[None]:
    """Before all else on this machine, where that is allowed: here a second late is a minute late."""
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -10)
    yield
    with suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, usual)
