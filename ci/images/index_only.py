"""A network in which a build reaches the package index and nothing else, for contexts that nobody reviewed yet.

The build gets a network namespace of its own, with nothing but a loopback. There a forwarder listens and hands each
connection through a Unix socket to a proxy outside, which opens it only to the hosts that it was given. Needs Linux and
root. The second half of this module is what runs inside: `python -m ci.images.index_only SOCKET COMMAND…`.
"""

from __future__ import annotations

import fcntl
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

PACKAGE_INDEXES = ("pypi.org", "files.pythonhosted.org", "registry.npmjs.org")
_HTTPS = 443
_MOST_REQUEST_BYTES = 8192
_CONNECT_SECONDS = 30
# Of linux/sockios.h and linux/if.h: sets an interface's flags; up and running.
_SET_FLAGS, _UP = 0x8914, 0x1 | 0x40
_PROXY_PORT = 3128
PROXY = f"http://127.0.0.1:{_PROXY_PORT}"


@contextmanager
def index_only(hosts: Collection[str]) -> Iterator[Callable[[Sequence[str]], list[str]]]:
    """Gives what turns a command into one that reaches just `hosts` ("name", or "name:port"; else port 443)."""
    allowed = frozenset(host if ":" in host else f"{host}:{_HTTPS}" for host in hosts)
    with tempfile.TemporaryDirectory(prefix="roster-index-") as folder:
        path = f"{folder}/proxy"
        with closing(socket.socket(socket.AF_UNIX)) as server:
            server.bind(path)
            server.listen()
            _background(lambda: _accepting(server, lambda client: _proxied(client, allowed)))
            yield lambda command: ["unshare", "--net", sys.executable, "-m", __name__, path, *command]
            # Closing alone does not wake who accepts.
            server.shutdown(socket.SHUT_RDWR)


def environment() -> dict[str, str]:
    """The variables by which pip and npm find the way."""
    return {"HTTPS_PROXY": PROXY, "https_proxy": PROXY, "HTTP_PROXY": PROXY, "http_proxy": PROXY}


def missing() -> str:
    """What this machine lacks for it; empty when nothing."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "root on Linux"
    return ""


def _proxied(client: socket.socket, allowed: Collection[str]) -> None:
    """Answers one CONNECT; anything else, and any other host, is refused with a line that says so."""
    request = b""
    while b"\r\n\r\n" not in request and len(request) < _MOST_REQUEST_BYTES:
        part = client.recv(1024)
        if not part:
            return
        request += part
    words = request.split(b"\r\n", 1)[0].decode("latin-1").split()
    target = words[1].lower() if len(words) == 3 and words[0] == "CONNECT" else ""
    if target not in allowed:
        said = f"builds reach only {', '.join(sorted(allowed))}\n".encode()
        client.sendall(
            b"HTTP/1.1 403 Forbidden\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (len(said), said)
        )
        return
    host, _, port = target.rpartition(":")
    try:
        upstream = socket.create_connection((host, int(port)), _CONNECT_SECONDS)
    except OSError:
        client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n")
        return
    upstream.settimeout(None)
    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
    _joined(client, upstream)


def _accepting(server: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with suppress(OSError):
        while True:
            client, _ = server.accept()
            _background(lambda one=client: _served(one, serve))  # type: ignore[misc]


def _served(client: socket.socket, serve: Callable[[socket.socket], None]) -> None:
    with closing(client), suppress(OSError):
        serve(client)


def _joined(one: socket.socket, other: socket.socket) -> None:
    """Copies both ways until both have ended."""
    with closing(other):
        back = _background(lambda: _copied(other, one))
        _copied(one, other)
        back.join()


def _copied(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


def _background(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def _inside(path: str, command: Sequence[str]) -> int:
    """In the namespace: loopback up, the forwarder on it, then the command; its exit code."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))

    def forward(client: socket.socket) -> None:
        outside = socket.socket(socket.AF_UNIX)
        outside.connect(path)
        _joined(client, outside)

    with socket.create_server(("127.0.0.1", _PROXY_PORT)) as server:
        _background(lambda: _accepting(server, forward))
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    # The folder of the repository is the module's, not that of whoever calls.
    assert Path(sys.argv[1]).is_socket(), "usage: python -m ci.images.index_only SOCKET COMMAND…"  # noqa: S101
    sys.exit(_inside(sys.argv[1], sys.argv[2:]))
