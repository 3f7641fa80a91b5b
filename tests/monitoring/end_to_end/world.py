"""Agents that are processes, their cluster, a Prometheus that evaluates the rendered rules, and an Alertmanager."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import other_exporters
import yaml
from cluster_state import PodState, Workload, cadvisor, kube_state_metrics, pod_name
from debian_programs import program
from durations import scaled_groups, scaled_promql
from receivers import Receivers
from scraping import pod_targets, scrape_configs
from small_world import ENVIRONMENTS

Manifest = dict[str, Any]
# Seconds of the test between two looks of Prometheus, at its targets and at its rules: a minute of the product.
INTERVAL = 1.0
# Debian's Alertmanager reads its own templates from here and nowhere else, which an unpacked package does not fill.
_TEMPLATES = Path("/usr/share/prometheus/alertmanager")
_FAKE_AGENT = Path(__file__).with_name("fake_agent.py")


@dataclass(slots=True)
class AgentProcess:
    """One pod of an agent: its process, and what the cluster says of it."""

    workload: Workload
    pod: PodState
    process: subprocess.Popen[str] | None = None
    port: int = 0

    def start(self) -> None:
        """Starts the process; `listen` says when it is there."""
        command = [sys.executable, str(_FAKE_AGENT), self.workload.name]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def listen(self) -> None:
        """Waits until it serves."""
        assert self.process
        assert self.process.stdout
        self.port = int(self.process.stdout.readline())
        self.pod.running = True

    def kill(self) -> None:
        """Ends it as a crash does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            assert self.process.stdout
            self.process.stdout.close()
        self.process = None
        self.pod.running = False


@dataclass(slots=True)
class Cluster:
    """All pods, and the two exporters that tell of them; either can be taken away."""

    pods: list[AgentProcess] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    objects: list[Manifest] = field(default_factory=list)
    targets: Path = Path()
    exporters: dict[str, bool] = field(default_factory=lambda: {"kube-state-metrics": True, "cadvisor": True})
    port: int = 0

    def of(self, agent: str, namespace: str = "") -> list[AgentProcess]:
        """The pods of the agents of this name."""
        return [one for one in self.pods if one.workload.name == agent and namespace in ("", one.workload.namespace)]

    def add(self, deployment: Manifest, replicas: int = 1) -> None:
        """Starts the pods of a rendered Deployment; `ready` waits for them."""
        states = [PodState(pod_name(deployment["metadata"]["name"], number)) for number in range(replicas)]
        workload = Workload(deployment, replicas, states)
        self.workloads.append(workload)
        for state in states:
            process = AgentProcess(workload, state)
            process.start()
            self.pods.append(process)

    def pods_with_metrics(self) -> list[AgentProcess]:
        """Pods that say where their metrics are; characters have none."""
        return [one for one in self.pods if one.workload.has_metrics]

    def ready(self) -> None:
        """Waits for all processes that were started, and tells Prometheus where they are."""
        for one in self.pods:
            if one.process and not one.port:
                one.listen()
        self.discover()

    def discover(self) -> None:
        """Writes the file that Prometheus reads its targets from."""
        found = [
            target
            for one in self.pods
            for target in pod_targets(
                one.workload.deployment["spec"]["template"], one.workload.namespace, one.pod.name, one.port
            )
        ]
        staged = self.targets.with_suffix(".new")
        staged.write_text(json.dumps(found), "utf-8")
        staged.replace(self.targets)

    def stop(self, agent: str, namespace: str = "") -> None:
        """All pods of the agent crash, and do not come back."""
        for one in self.of(agent, namespace):
            one.kill()

    def end(self) -> None:
        """Ends all processes."""
        for one in self.pods:
            one.kill()

    def restart(self, agent: str, namespace: str = "") -> None:
        """The pods run again: new processes, whose counters begin at nought."""
        stopped = [one for one in self.of(agent, namespace) if not one.process]
        for one in stopped:
            one.start()
        for one in stopped:
            one.listen()
            one.pod.restarts += 1
            one.pod.started = time.time()
        self.discover()

    def traffic(self, agent: str, **traffic: Any) -> None:
        """Changes what goes through the agent; see `fake_agent.Traffic`."""
        for one in self.of(agent):
            httpx.post(f"http://127.0.0.1:{one.port}/traffic", json=traffic, timeout=10).raise_for_status()

    def text(self, path: str) -> str | None:
        """What is served at a path; None when that exporter is gone."""
        name = path.strip("/")
        if path in other_exporters.PATHS.values():
            return other_exporters.text(path, self.objects, ENVIRONMENTS)
        if not self.exporters.get(name):
            return None
        if name == "cadvisor":
            return cadvisor(self.workloads)
        return kube_state_metrics(self.workloads, self.objects)


@dataclass(slots=True)
class World:
    """Everything that runs."""

    cluster: Cluster
    receivers: Receivers
    prometheus: str = ""
    alertmanager: str = ""

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The samples of an expression, its ranges scaled."""
        given: dict[str, Any] = {"query": scaled_promql(expression)} | ({"time": at} if at else {})
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params=given, timeout=20)
        assert answer.status_code == 200, f"{expression}: {answer.text}"
        found: list[dict[str, Any]] = answer.json()["data"]["result"]
        return found

    def series(self, expression: str) -> int:
        """How many samples an expression gives; -1 where Prometheus refuses it."""
        given = {"query": scaled_promql(expression)}
        answer = httpx.get(f"{self.prometheus}/api/v1/query", params=given, timeout=20)
        return len(answer.json()["data"]["result"]) if answer.status_code == 200 else -1

    def silence(self, minutes: float, **matchers: str) -> None:
        """Somebody takes an alert over: a silence by Alertmanager's API."""
        now = time.time()
        body = {
            "matchers": [{"name": k, "value": v, "isRegex": False, "isEqual": True} for k, v in matchers.items()],
            "startsAt": _time(now),
            "endsAt": _time(now + minutes * 60),
            "createdBy": "on-call",
            "comment": "I am at it.",
        }
        httpx.post(f"{self.alertmanager}/api/v2/silences", json=body, timeout=10).raise_for_status()


def missing() -> str:
    """Why nothing of this can run here; empty when it can. Puts Alertmanager's templates in place where it may."""
    if not (program("prometheus") and program("prometheus-alertmanager")):
        return "prometheus or prometheus-alertmanager is missing (Debian's packages of these names)"
    if _TEMPLATES.is_dir() or Path(program("prometheus-alertmanager")).parents[1] == Path("/usr"):
        return ""
    unpacked = Path(program("prometheus-alertmanager")).parents[2] / _TEMPLATES.relative_to("/")
    try:
        _TEMPLATES.parent.mkdir(parents=True, exist_ok=True)
        staged = _TEMPLATES.with_name(f"alertmanager.{os.getpid()}")
        shutil.copytree(unpacked, staged)
        staged.rename(_TEMPLATES)
    except OSError:
        # Another worker may have been quicker.
        return "" if _TEMPLATES.is_dir() else f"{_TEMPLATES} is missing and may not be made: install the package"
    return ""


def wait(true: Callable[[], Any], seconds: float) -> bool:
    """Waits until it is true; whether it became so in this time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


@contextmanager
def running(
    folder: Path, objects: list[Manifest], replicas: dict[str, int], routing: Manifest, receivers: Receivers
) -> Iterator[World]:
    """The world of these manifests; Deployments get as many pods as `replicas` says, one when it says nothing."""
    cluster = Cluster(targets=folder / "targets.json", objects=objects)
    with ExitStack() as stack:
        stack.callback(cluster.end)
        for deployment in _kind(objects, "Deployment"):
            cluster.add(deployment, replicas.get(deployment["metadata"]["name"], 1))
        cluster.port = stack.enter_context(_exporters(cluster))
        world = World(cluster, receivers)
        world.alertmanager = stack.enter_context(_alertmanager(folder, routing))
        cluster.ready()
        world.prometheus = stack.enter_context(_prometheus(folder, objects, cluster, world.alertmanager))
        yield world


@contextmanager
def _exporters(cluster: Cluster) -> Iterator[int]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            text = cluster.text(self.path)
            body = (text or "").encode()
            self.send_response(404 if text is None else 200)
            self.send_header("content-length", str(len(body)))
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


@contextmanager
def _alertmanager(folder: Path, routing: Manifest) -> Iterator[str]:
    (folder / "alertmanager.yaml").write_text(yaml.safe_dump(routing, width=10_000), "utf-8")
    options = [
        f"--config.file={folder / 'alertmanager.yaml'}",
        f"--storage.path={folder / 'alertmanager'}",
        "--cluster.listen-address=",
    ]
    with _program("prometheus-alertmanager", options, folder, _free_address()) as url:
        yield url


@contextmanager
def _prometheus(folder: Path, objects: list[Manifest], cluster: Cluster, alertmanager: str) -> Iterator[str]:
    (folder / "rules.yaml").write_text("groups: []\n", "utf-8")
    address = _free_address()
    config = _prometheus_config(folder, objects, cluster, alertmanager, address)
    (folder / "prometheus.yaml").write_text(yaml.safe_dump(config, width=10_000), "utf-8")
    options = [
        f"--config.file={folder / 'prometheus.yaml'}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        "--web.enable-lifecycle",
        # Five minutes of the product.
        "--query.lookback-delta=5s",
        # Prometheus' own defaults, at the same scale: a minute, ten minutes, an hour.
        "--rules.alert.resend-delay=1s",
        "--rules.alert.for-grace-period=10s",
        "--rules.alert.for-outage-tolerance=60s",
    ]
    with _program("prometheus", options, folder, address) as url:
        # As in a cluster where Prometheus has been running: nothing is missing when the rules come.
        wanted = len(cluster.pods_with_metrics()) + len(config["scrape_configs"])
        wait(lambda: _up(url) >= wanted - len(_kind(objects, "PodMonitor")) * 2, 60)
        groups = [group for one in _kind(objects, "PrometheusRule") for group in one["spec"]["groups"]]
        (folder / "rules.yaml").write_text(yaml.safe_dump({"groups": scaled_groups(groups)}, width=10_000), "utf-8")
        httpx.post(f"{url}/-/reload", timeout=30).raise_for_status()
        yield url


def _prometheus_config(
    folder: Path, objects: list[Manifest], cluster: Cluster, alertmanager: str, listening: str
) -> Manifest:
    interval = f"{int(INTERVAL * 1000)}ms"
    own, reached = f"127.0.0.1:{cluster.port}", alertmanager.removeprefix("http://")
    exporters = [
        {"job_name": job, "honor_labels": True, "metrics_path": path, "static_configs": [{"targets": [address]}]}
        for job, path, address in (
            ("kube-state-metrics", "/kube-state-metrics", own),
            ("kubelet", "/cadvisor", own),
            *((job, path, own) for job, path in other_exporters.PATHS.items()),
            ("prometheus", "/metrics", listening),
            ("alertmanager", "/metrics", reached),
        )
    ]
    pods = [
        config
        for monitor in _kind(objects, "PodMonitor")
        for config in scrape_configs(monitor, cluster.targets, interval)
    ]
    return {
        "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
        "rule_files": [str(folder / "rules.yaml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [reached]}]}]},
        "scrape_configs": [*exporters, *pods],
    }


def _free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def _program(name: str, options: list[str], folder: Path, address: str) -> Iterator[str]:
    """Runs one of the two at this address, and waits until it says that it is ready."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [program(name), *options, f"--web.listen-address={address}"],
            stderr=output,
            stdout=output,
            env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
        )
    try:
        alive = wait(lambda: process.poll() is not None or _answers(f"http://{address}/-/ready"), 60)
        assert alive, log.read_text("utf-8")
        assert process.poll() is None, log.read_text("utf-8")
        yield f"http://{address}"
    finally:
        process.kill()
        process.wait()


def _up(prometheus: str) -> int:
    answer = httpx.get(f"{prometheus}/api/v1/query", params={"query": "sum(up)"}, timeout=20).json()
    return int(answer["data"]["result"][0]["value"][1]) if answer["data"]["result"] else 0


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def _kind(objects: list[Manifest], kind: str) -> list[Manifest]:
    return [one for one in objects if one["kind"] == kind]


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{int(seconds % 1 * 1000):03d}Z"
