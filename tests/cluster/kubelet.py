"""The part of a kubelet that gives containers' logs, on a node of its own that the API server asks for them."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from api import Api, wait_until
from test_gate import certificate


class Kubelet:
    """Serves what `write` was given, by pod; `node` is what pods must name to be on it. Use it in a `with`."""

    def __init__(self, folder: Path, api: Api, node: str) -> None:
        self.api = api
        self.node = node
        self._lines: dict[str, list[tuple[datetime, str]]] = {}
        self._before: dict[str, list[tuple[datetime, str]]] = {}
        self._ends: dict[str, int] = {}
        self._changed = threading.Condition()
        self._closed = False
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> Kubelet:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": self.node}})
        here = {
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": self._server.server_port}},
        }
        where = f"/api/v1/nodes/{self.node}"
        # kwok takes the node for its own, and writes addresses of its own once.
        wait_until("kwok has made the node ready", lambda: "KubeletReady" in str(self.api.get(where)["status"]))
        self.api.merge(f"{where}/status", {"status": here})
        return self

    def __exit__(self, *_: object) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self.api.delete(f"/api/v1/nodes/{self.node}")
        self._server.shutdown()
        self._server.server_close()

    def write(self, pod: str, *lines: str, seconds_ago: float = 0) -> None:
        """The pod's container writes lines."""
        with self._changed:
            when = datetime.now(UTC) - timedelta(seconds=seconds_ago)
            self._lines.setdefault(pod, []).extend(
                (when + timedelta(microseconds=at), line) for at, line in enumerate(lines)
            )
            self._changed.notify_all()

    def restart(self, pod: str) -> None:
        """The container ends, and those who follow its log are told so; what it wrote is that of the run before."""
        with self._changed:
            self._before[pod] = self._lines.pop(pod, [])
            self._ends[pod] = self._ends.get(pod, 0) + 1
            self._changed.notify_all()

    def cut(self, pod: str) -> None:
        """Those who follow the pod's log are told that it has ended; it has not."""
        with self._changed:
            self._ends[pod] = self._ends.get(pod, 0) + 1
            self._changed.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        kubelet = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                address = urlsplit(self.path)
                _, _, _, pod, _ = address.path.split("/")
                query = {name: values[0] for name, values in parse_qs(address.query).items()}
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for text in kubelet.answer(pod, query):
                    data = text.encode()
                    self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answer(self, pod: str, query: dict[str, str]) -> Iterator[str]:
        """The lines that are asked for; with `follow` those to come, until the container ends."""
        with self._changed:
            end = self._ends.get(pod, 0)
            lines = list((self._before if query.get("previous") == "true" else self._lines).get(pod, ()))
        told = len(lines)
        if "sinceSeconds" in query:
            first = datetime.now(UTC) - timedelta(seconds=int(query["sinceSeconds"]))
            lines = [one for one in lines if one[0] >= first]
        if "sinceTime" in query:
            since = datetime.fromisoformat(query["sinceTime"])
            lines = [one for one in lines if one[0] >= since.replace(microsecond=0)]
        yield from map(_written, lines[-int(query["tailLines"]) :])
        while query.get("follow") == "true":
            with self._changed:
                while not self._over(pod, end) and len(self._lines.get(pod, ())) == told:
                    self._changed.wait()
                if self._over(pod, end):
                    return
                new, told = self._lines[pod][told:], len(self._lines[pod])
            yield from map(_written, new)

    def _over(self, pod: str, end: int) -> bool:
        return self._closed or self._ends.get(pod, 0) != end


def _written(line: tuple[datetime, str]) -> str:
    # As containerd does: nine digits, and the line behind.
    return f"{line[0]:%Y-%m-%dT%H:%M:%S.%f}000Z {line[1]}\n"
