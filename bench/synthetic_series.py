"""The series of a fleet as text that Prometheus can scrape, cheap to make anew at each scrape.

The runtime's own metrics come from its module, those of the cluster from the one that the end-to-end test uses. Labels
are those that they have once they are scraped, so that one exporter can stand for all. Values of what counts are marks,
which are replaced at each scrape by numbers that grow.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

sys.path.append(str(Path(__file__).parents[1] / "tests/monitoring"))
sys.path.append(str(Path(__file__).parents[1] / "tests/monitoring/end_to_end"))
sys.path.append(str(Path(__file__).parents[1] / "components/images/fastapi"))

from agent.metrics import Metrics
from cluster_state import PodState, Workload, cadvisor, kube_state_metrics, pod_name

TOP = Path(__file__).parent.parent
Manifest = dict[str, Any]
# Agents that have their metrics in one exporter; what is scraped at once is small, as with pods.
_TOGETHER = 50
_CODES = ("PROVIDER_ERROR", "PROVIDER_TIMEOUT", "RATE_LIMIT_EXCEEDED", "INVALID_REQUEST")
_STATUSES = (200, 400, 429, 502)
# How long requests take, in seconds: agents differ, and the last is that of agents that fail.
_SECONDS = (0.4, 0.4, 0.8, 1.5, 2.5, 4.0, 7.0, 14.0)
_FAILING = len(_SECONDS) - 1
_COUNTED = ("_total", "_bucket", "_count", "_sum")


class Exporters:
    """All the texts, by path; `count` grows by one a second."""

    def __init__(self, objects: list[Manifest], pods: int, names: frozenset[str], failing: float) -> None:
        """`names`: the kubelet's metrics that are served; it has a hundred, of which rules read a few.

        `failing`: the share of agents that err, are slow and use all their CPU.
        """
        self._began = time.monotonic()
        self.texts: dict[str, bytes] = {"kube-state-metrics/objects": kube_state_metrics((), objects).encode()}
        workloads = [_workload(one, pods) for one in objects if one["kind"] == "Deployment"]
        for start in range(0, len(workloads), _TOGETHER):
            part, number = workloads[start : start + _TOGETHER], start // _TOGETHER
            kinds = [_kind(start + index, failing) for index in range(len(part))]
            agents = [_runtime(one, pod, kind) for one, kind in zip(part, kinds, strict=True) for pod in one.pods]
            self.texts[f"agents/{number}"] = "".join(agents).encode()
            self.texts[f"kube-state-metrics/{number}"] = kube_state_metrics(part).encode()
            self.texts[f"kubelet/{number}"] = b"".join(
                _growing(cadvisor([one], names), b"@core" if kind == _FAILING else b"@slow")
                for one, kind in zip(part, kinds, strict=True)
            )

    def text(self, path: str) -> bytes:
        """What a scrape of the path reads now."""
        count = int(time.monotonic() - self._began)
        text = self.texts[path]
        for mark, rate in _RATES.items():
            text = text.replace(mark, b"%d\n" % int(count * rate))
        return text

    def jobs(self) -> dict[str, list[str]]:
        """Job → the paths of its targets."""
        found: dict[str, list[str]] = {}
        for path in self.texts:
            found.setdefault(path.partition("/")[0], []).append(f"/{path}")
        return found


# Mark → by how much it grows in a second.
_RATES = {b"@many\n": 20, b"@few\n": 2, b"@core\n": 1, b"@slow\n": 0.1}


@contextmanager
def serving(exporters: Exporters) -> Iterator[int]:
    """Serves them on a free port of the loopback."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = exporters.text(self.path.strip("/"))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_port
        finally:
            server.shutdown()


def _workload(deployment: Manifest, pods: int) -> Workload:
    name = deployment["metadata"]["name"]
    return Workload(deployment, pods, [PodState(pod_name(name, number)) for number in range(pods)])


def _kind(number: int, failing: float) -> int:
    """The place in _SECONDS of the agent of this number."""
    fails = int((number + 1) * failing) > int(number * failing)
    return _FAILING if fails else number % _FAILING


def _runtime(workload: Workload, pod: PodState, kind: int) -> str:
    """The metrics of a pod whose runtime exposes any."""
    if "roster/metrics-path" not in workload.deployment["spec"]["template"]["metadata"].get("annotations", {}):
        return ""
    labels = {"namespace": workload.namespace, "pod": pod.name, "container": "agent", "endpoint": "http"}
    labels |= {"job": f"{workload.namespace}/agents", "instance": f"{pod.name}:8080"}
    lines = []
    for name, own, value in _samples(kind):
        shown = ",".join(
            f"{key}={json.dumps(text)}" for key, text in {**own, "agent_id": workload.name, **labels}.items()
        )
        lines.append(f"{name}{{{shown}}} {value}\n")
    return "".join(lines)


def _samples(kind: int) -> list[tuple[str, dict[str, str], str]]:
    """The runtime's metrics after some traffic, values as marks."""
    if kind not in _CACHE:
        metrics = Metrics("agent")
        for status in _STATUSES:
            metrics.answered(status)
        for code in _CODES:
            metrics.failed(code)
        metrics.seconds.observe(_SECONDS[kind])
        for counter in (metrics.input_tokens, metrics.output_tokens, metrics.cost):
            counter.inc()
        metrics.budget("tokens", 0.3)
        metrics.budget("cost", 0.3)
        _CACHE[kind] = [
            (sample.name, dict(sample.labels), _mark(sample.name, sample.labels, sample.value, kind))
            for family in text_string_to_metric_families(metrics.text().decode())
            for sample in family.samples
        ]
    return _CACHE[kind]


_CACHE: dict[int, list[tuple[str, dict[str, str], str]]] = {}


def _mark(name: str, labels: dict[str, str], value: float, kind: int) -> str:
    if not name.startswith("agent_") or not name.endswith(_COUNTED) or not value:
        return str(value)
    if labels.get("status", "200") == "200" and "code" not in labels:
        return "@many"
    return "@few" if kind == _FAILING else str(value)


def _growing(text: str, mark: bytes) -> bytes:
    """The kubelet's text with the mark for CPU counters, and without times, which would be old at the next scrape."""
    lines = []
    for line in text.encode().splitlines():
        series, value, _ = line.rsplit(b" ", 2)
        lines.append(series + b" " + (mark if series.startswith(b"container_cpu_usage") else value) + b"\n")
    return b"".join(lines)
