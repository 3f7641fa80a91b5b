"""An agent's process: its metrics are the runtime's own, its traffic is as it is told over HTTP.

usage: python fake_agent.py AGENT      prints the port that it listens on

GET /metrics is what Prometheus reads. POST /traffic with {"requests_per_second", "failed", "codes", "seconds",
"queue_depth"} changes what it counts from then on: requests a second, the share of them that fails (with the codes in
turn), how long each takes, how many wait.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3] / "components/images/fastapi"))

from agent.metrics import CONTENT_TYPE, Metrics

STATUS = {"INVALID_REQUEST": 422, "UNAUTHORIZED": 401, "RATE_LIMIT_EXCEEDED": 429, "CONTENT_BLOCKED": 422}


@dataclass(frozen=True, slots=True)
class Traffic:
    """What goes through an agent."""

    requests_per_second: float = 10.0
    failed: float = 0.0
    codes: tuple[str, ...] = ("PROVIDER_ERROR",)
    seconds: float = 0.4
    queue_depth: int = 0


class FakeAgent:
    """Counts what its traffic would have brought about since it was last looked at."""

    def __init__(self, name: str) -> None:
        self._metrics = Metrics(name)
        self._lock = threading.Lock()
        self._traffic = Traffic()
        self._seen = time.monotonic()
        self._open = self._failures = 0.0
        self._failed = 0

    def change(self, traffic: Traffic) -> None:
        """From now on it is so busy."""
        with self._lock:
            self._count()
            self._traffic = traffic

    def metrics(self) -> bytes:
        """What a scrape reads."""
        with self._lock:
            self._count()
            return self._metrics.text()

    def _count(self) -> None:
        traffic, now = self._traffic, time.monotonic()
        self._open += (now - self._seen) * traffic.requests_per_second
        self._seen = now
        while self._open >= 1:
            self._open -= 1
            self._failures += traffic.failed
            self._answer(traffic)
        self._metrics.queue_depth.set(traffic.queue_depth)
        self._metrics.in_flight.set(traffic.requests_per_second * traffic.seconds)
        self._metrics.budget("tokens", 0.2)

    def _answer(self, traffic: Traffic) -> None:
        self._metrics.seconds.observe(traffic.seconds)
        if self._failures >= 1:
            self._failures -= 1
            self._fail(traffic.codes[self._failed % len(traffic.codes)])
            return
        self._metrics.answered(200)
        self._metrics.input_tokens.inc(300)
        self._metrics.output_tokens.inc(80)
        self._metrics.cost.inc(0.0021)

    def _fail(self, code: str) -> None:
        self._failed += 1
        self._metrics.answered(STATUS.get(code, 502))
        self._metrics.failed(code)
        if code == "RATE_LIMIT_EXCEEDED":
            self._metrics.limited("key")
        if code == "CONTENT_BLOCKED":
            self._metrics.found("injection", "prompt", "block")


def serve(name: str) -> None:
    """Runs until it is killed."""
    agent = FakeAgent(name)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer(agent.metrics() if self.path == "/metrics" else b"")

        def do_POST(self) -> None:
            agent.change(Traffic(**json.loads(self.rfile.read(int(self.headers["content-length"])))))
            self._answer(b"")

        def _answer(self, body: bytes) -> None:
            self.send_response(200)
            self.send_header("content-type", CONTENT_TYPE)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(server.server_port, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    serve(sys.argv[1])
