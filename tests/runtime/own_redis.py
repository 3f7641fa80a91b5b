"""A Redis of the test's own, which can be stopped, frozen and started again on the same port."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class Redis:
    """A server on a free port, in memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Until it answers."""
        command = ["redis-server", "--port", str(self.port), "--save", "", "--dir", str(self.folder)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        end = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                assert time.monotonic() < end, "redis-server did not start"
                time.sleep(0.02)
            else:
                return

    def stop(self) -> None:
        """Gone, with all that it knew."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        """Takes connections still, and says nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)


@contextmanager
def serving(folder: Path) -> Iterator[Redis]:
    """A started one; the test is skipped where there is no redis-server."""
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not on PATH")
    redis = Redis(folder)
    redis.start()
    try:
        yield redis
    finally:
        redis.stop()
