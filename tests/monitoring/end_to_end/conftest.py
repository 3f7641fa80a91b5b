"""The record of what happened, for all tests of this folder: played once, whatever number of workers there is."""

from __future__ import annotations

import fcntl
import sys
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
            play(tmp_path_factory.mktemp("world")).write(written)
    return Record.read(written)
