"""Programs that are killed when the process that started them ends, however it ends."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

# The end of the pipe comes also when the other side was killed with SIGKILL.
GUARD = '"$@" & child=$!; cat >/dev/null; kill -9 $child 2>/dev/null; wait $child 2>/dev/null'


class Service:
    """One program in the background; its output goes to `<folder>/<name>.log`."""

    def __init__(self, folder: Path, command: Sequence[str | Path]) -> None:
        self.command = command
        self.log = folder / f"{Path(command[0]).name}.log"
        self._guard: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it and does not wait for anything."""
        with self.log.open("ab") as log:
            # In a session of its own: Ctrl-C is for the tests, which then end their services.
            self._guard = subprocess.Popen(
                ["sh", "-c", GUARD, "sh", *self.command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        """SIGKILL; returns when the program is gone."""
        if self._guard and self._guard.stdin:
            self._guard.stdin.close()
            self._guard.wait(timeout=30)
            self._guard = None

    def last_words(self) -> str:
        """The end of its log."""
        return f"{self.log.name}:\n" + "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-15:])


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
