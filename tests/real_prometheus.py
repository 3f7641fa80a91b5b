"""A real Prometheus that scrapes counters of a test's making once a second."""

from __future__ import annotations

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import yaml
from debian_programs import program

# Each sample: metric and labels → by how much it grows at each scrape.
Growth = Mapping[tuple[str, tuple[tuple[str, str], ...]], float]


class Exporter:
    """Serves counters that grow by `growth` at each scrape, and the gauges of `gauges` as they are."""

    def __init__(self, growth: Growth, gauges: Growth | None = None) -> None:
        self.growth = dict(growth)
        self.gauges = dict(gauges or {})
        self._counts: dict[Any, float] = {}

    def set(self, value: float) -> None:
        """Gives all gauges this value."""
        self.gauges = dict.fromkeys(self.gauges, value)

    def text(self) -> str:
        """What a scrape reads."""
        for key, step in self.growth.items():
            self._counts[key] = self._counts.get(key, 0) + step
        return "".join(f"{_series(*key)} {value}\n" for key, value in [*self._counts.items(), *self.gauges.items()])


@contextmanager
def running(folder: Path, exporter: Exporter, groups: list[dict[str, Any]]) -> Iterator[str]:
    """The address of a Prometheus that has scraped the exporter and evaluated the rules a few times."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(exporter.text().encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with scraping(folder, f"127.0.0.1:{server.server_port}", groups) as address:
                yield address
        finally:
            server.shutdown()


@contextmanager
def scraping(folder: Path, target: str, groups: list[dict[str, Any]]) -> Iterator[str]:
    """The address of a Prometheus that scrapes the target (host and port), whose labels are kept."""
    (folder / "rules.yaml").write_text(json.dumps({"groups": groups}), "utf-8")
    scrape = {"job_name": "agents", "honor_labels": True, "static_configs": [{"targets": [target]}]}
    intervals = {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"}
    config = {"global": intervals, "rule_files": [str(folder / "rules.yaml")], "scrape_configs": [scrape]}
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    files = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [program("prometheus"), *files, f"--web.listen-address=127.0.0.1:{port}"], stderr=log
        )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(address, folder / "log")
        yield address
    finally:
        process.kill()
        process.wait()


def _wait(address: str, log: Path) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            found = httpx.get(f"{address}/api/v1/query", params={"query": 'count_over_time(up{job="agents"}[1m]) > 2'})
            if found.status_code == 200 and found.json()["data"]["result"]:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError(log.read_text("utf-8"))


def _series(metric: str, labels: tuple[tuple[str, str], ...]) -> str:
    return f"{metric}{{{','.join(f'{name}={json.dumps(value)}' for name, value in labels)}}}"
