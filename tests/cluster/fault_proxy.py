"""A way to the API server on which requests go wrong as told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
from control_plane import ControlPlane

PASSED_ON = ("authorization", "content-type", "accept")


@dataclass
class Fault:
    """What goes wrong with requests of `method` whose path holds `path`, `times` times.

    A `status` is answered instead of asking the API server, with `headers`. With status 0 the API server is asked and
    does what it should, but its answer comes only after `late_seconds`.
    """

    method: str
    path: str
    status: int = 0
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    late_seconds: float = 0
    times: int = 1_000_000
    seen: int = 0


class FaultProxy:
    """Listens without TLS; `kubeconfig` has the cluster's contexts with this address."""

    def __init__(self, cluster: ControlPlane) -> None:
        self.faults: list[Fault] = []
        self._lock = threading.Lock()
        self._upstream = httpx.Client(base_url=cluster.server, verify=cluster.tls(), timeout=60, trust_env=False)
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except ConnectionError:
                    # Whoever asked has gone, as one does who waits no longer.
                    self.close_connection = True

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {name: value for name, value in self.headers.items() if name.lower() in PASSED_ON}
                status, kind, text, more = proxy.answer(self.command, self.path, headers, body)
                self.send_response(status)
                for name, value in {"content-type": kind, "content-length": str(len(text)), **more}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.kubeconfig: Path = cluster.kubeconfig_of(f"http://127.0.0.1:{self._server.server_port}")

    @contextmanager
    def running(self) -> Iterator[FaultProxy]:
        """Serves until the end of the block."""
        self._thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._upstream.close()

    def answer(
        self, method: str, path: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, str, bytes, Mapping[str, str]]:
        """Status, content type, body and further headers."""
        fault = self._fault(method, path)
        if fault and fault.status:
            said = {"kind": "Status", "reason": fault.reason, "message": f"the server says {fault.status}"}
            return fault.status, "application/json", json.dumps(said).encode(), fault.headers
        found = self._upstream.request(method, path, headers=headers, content=body)
        if fault:
            time.sleep(fault.late_seconds)
        return found.status_code, found.headers.get("content-type", "text/plain"), found.content, {}

    def _fault(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for fault in self.faults:
                if fault.method == method and fault.path in path and fault.seen < fault.times:
                    fault.seen += 1
                    return fault
        return None
