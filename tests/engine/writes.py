"""Stands between Roster and the API server, and kills Roster when the n-th write of a run was done."""

from __future__ import annotations

import contextlib
import re
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import yaml
from repository import CONTEXT, Repository

from ci.engine.processes import kill_all

_WRITE = re.compile(rb"(?:POST|PUT|PATCH|DELETE) (\S+) HTTP/1\.1\r\n")
_SECONDS = 240


class Between:
    """Passes bytes on in both directions. Plain HTTP/1.1, so a connection has one request at a time."""

    def __init__(self, server: socket.socket, upstream: int) -> None:
        self._server = server
        self._upstream = upstream
        self._lock = threading.Lock()
        self._run: subprocess.Popen[str] | None = None
        self._left = 0
        self.writes: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def up_killed_at(self, write: int, repository: Repository, *arguments: str) -> tuple[int, str]:
        """Runs `roster up` and kills it and all below it when that write was done, before it hears of it.

        Returns its exit code, negative for a kill, and what it said.
        """
        self._left, self.writes = write, []
        with repository.begin("up", *arguments) as run:
            self._run = run
            said, _ = run.communicate(timeout=_SECONDS)
            self._run = None
        return run.returncode, said

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._server.accept()
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self._upstream))
            doomed = threading.Event()
            threading.Thread(target=self._up, args=(near, far, doomed), daemon=True).start()
            threading.Thread(target=self._down, args=(far, near, doomed), daemon=True).start()

    def _up(self, near: socket.socket, far: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := near.recv(1 << 16):
                found = _WRITE.match(data)
                if found and self._run and b"dryRun" not in found[1] and b"authorization.k8s.io" not in found[1]:
                    with self._lock:
                        self.writes.append(found[0].decode().split("?")[0])
                        self._left -= 1
                        if self._left == 0:
                            doomed.set()
                far.sendall(data)
            far.shutdown(socket.SHUT_WR)

    def _down(self, far: socket.socket, near: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := far.recv(1 << 16):
                if doomed.is_set() and self._run:
                    kill_all(self._run.pid)
                    break
                near.sendall(data)
        for one in (near, far):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@contextlib.contextmanager
def between(repository: Repository) -> Iterator[Between]:
    """The repository's kubeconfig names the one in between, which asks through `kubectl proxy`."""
    path = Path(repository.environment["KUBECONFIG"])
    before = path.read_text("utf-8")
    command = ["kubectl", "--kubeconfig", str(path.with_name("kubeconfig.behind")), "proxy", "--port=0"]
    path.with_name("kubeconfig.behind").write_text(before, "utf-8")
    path.with_name("kubeconfig.behind").chmod(0o600)
    with (
        subprocess.Popen(
            [*command, "--disable-filter"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as proxy,
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        try:
            assert proxy.stdout is not None
            upstream = int(proxy.stdout.readline().strip().rpartition(":")[2])
            address = f"http://127.0.0.1:{server.getsockname()[1]}"
            content = {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [{"name": "here", "cluster": {"server": address}}],
                "users": [],
                "contexts": [{"name": CONTEXT, "context": {"cluster": "here", "user": ""}}],
                "current-context": CONTEXT,
            }
            path.write_text(yaml.safe_dump(content), "utf-8")
            yield Between(server, upstream)
        finally:
            path.write_text(before, "utf-8")
            proxy.terminate()
            # accept() is not ended by close() alone.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
