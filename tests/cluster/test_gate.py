"""The gate between waves on a real API server, with a real Prometheus. kwok runs no images: what a kubelet would say
of a container is written into the pods' status."""

from __future__ import annotations

import datetime
import ipaddress
import secrets
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import real_prometheus
from api import Api, Manifest, wait_until
from control_plane import ControlPlane
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from ci.cluster.client import Cluster, open_cluster
from ci.cluster.gate import watch
from ci.cluster.prometheus import firing
from ci.cluster.watched import GateResult, Progress, WatchedAgent
from components.definition.rollout import Gate

pytestmark = pytest.mark.xdist_group("cluster")

KEY = "sk-ant-" + "aB3dE6gH" * 4
BACK_OFF = {"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image: manifest unknown"}}
CRASH = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}}
RUNNING = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}


class Wave:
    """A namespace of the cluster, agents in it, and the gate."""

    def __init__(self, api: Api, opened: Cluster) -> None:
        self.api = api
        self.opened = opened
        self.namespace = f"gate-{secrets.token_hex(4)}"
        self.slept = 0.0
        # How long a sleep takes in truth: nothing, but where something else needs the time.
        self.pause = 0.0
        self.exporter = real_prometheus.Exporter({})
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def agent(self, name: str, replicas: int = 1, ready: bool = True, **pod: Any) -> WatchedAgent:
        """Applies an agent; returns when it is ready."""
        deployment = deployment_of(name, self.namespace, replicas, pod)
        self.api.apply(deployment, "roster")
        path = self.api.path(deployment)
        if ready:
            wait_until(f"{name} is ready", lambda: self._available(path) == replicas)
        service = {"kind": "Service", "metadata": {"name": name, "namespace": self.namespace}}
        return WatchedAgent(name, self.namespace, (deployment, service))

    def pod(self, agent: WatchedAgent) -> str:
        """The path of one of its pods."""
        selector = f"app.kubernetes.io/name={agent.name}"
        pods = self.api.items(f"/api/v1/namespaces/{self.namespace}/pods", labelSelector=selector)
        return f"/api/v1/namespaces/{self.namespace}/pods/{pods[0]['metadata']['name']}"

    def break_it(self, agent: WatchedAgent, state: Manifest, **status: Any) -> None:
        """Writes the container's state as a kubelet would; returns when the Deployment has seen it."""
        container = {
            "name": "agent",
            "image": "nginx",
            "imageID": "",
            "ready": False,
            "restartCount": 0,
            "state": state,
        }
        unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
        patch = {"status": {"containerStatuses": [container | status], "conditions": unready}}
        self.api.merge(f"{self.pod(agent)}/status", patch)
        path = self.api.path(agent.manifests[0])
        wait_until(f"{agent.name} is not ready", lambda: not self._available(path))

    def crash(self, agent: WatchedAgent, count: int) -> None:
        """Restarts the container of its pod; it is ready again, as one that crashes later is for a while."""
        pod = self.api.get(self.pod(agent))
        [container] = pod["status"]["containerStatuses"]
        last = {"terminated": {"exitCode": 1, "reason": "Error"}}
        patch = {"status": {"containerStatuses": [container | {"restartCount": count, "lastState": last}]}}
        self.api.merge(f"{self.pod(agent)}/status", patch)

    def watch(
        self, *agents: WatchedAgent, progress: Callable[[Progress], None] = lambda _: None, **gate: Any
    ) -> GateResult:
        """The gate, with a clock that time passes on by sleeping only."""
        return watch(
            self.opened,
            agents,
            Gate.model_validate({"looks": 2, "seconds_between": 20} | gate),
            clock=lambda: self.slept,
            sleep=self._sleep,
            progress=progress,
        )

    def _sleep(self, seconds: float) -> None:
        time.sleep(self.pause)
        self.slept += seconds

    def _available(self, path: str) -> int:
        status = self.api.get(path).get("status", {})
        return int(status.get("availableReplicas", 0)) if "observedGeneration" in status else -1


def deployment_of(name: str, namespace: str, replicas: int, pod: dict[str, Any]) -> Manifest:
    labels = {"app.kubernetes.io/name": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "agent", "image": "nginx"}], **pod}}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


@pytest.fixture
def wave(cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wave]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with open_cluster(cluster.contexts[0]) as opened:
        made = Wave(cluster.api, opened)
        try:
            yield made
        finally:
            cluster.api.delete(f"/api/v1/namespaces/{made.namespace}")


def reasons(result: GateResult) -> dict[str, str]:
    return {one.agent.name: one.reason for one in result.verdicts}


def test_agents_that_stay_well_pass_after_all_looks_a_suspended_one_too(wave: Wave) -> None:
    agents = [wave.agent("one"), wave.agent("two", replicas=2), wave.agent("none", replicas=0)]
    seen: list[Progress] = []
    result = wave.watch(*agents, looks=3, progress=seen.append)
    assert result.passed
    assert [one.look for one in seen] == [0, 1, 2, 3]
    assert result.seconds == 40
    assert seen[-1].healthy == 3


def test_agents_that_cannot_become_ready_fail_early_and_each_says_why(wave: Wave) -> None:
    names = ("good", "pull", "crash", "secret")
    good, pull, crash, secret = (wave.agent(name) for name in names)
    wave.break_it(pull, BACK_OFF)
    wave.break_it(crash, CRASH, restartCount=4, lastState={"terminated": {"exitCode": 3, "reason": "Error"}})
    wave.break_it(secret, {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}})
    result = wave.watch(good, pull, crash, secret)
    assert reasons(result) == {"good": "", "pull": "image-pull", "crash": "crash-loop", "secret": "config-missing"}
    details = {one.agent.name: one.detail for one in result.failed}
    assert "manifest unknown" in details["pull"]
    assert "restarted 4 times; exit code 3" in details["crash"]
    assert 'secret "s" not found' in details["secret"]
    assert all(one.advice for one in result.failed)
    # Long before the ten minutes that a Deployment has.
    assert result.seconds < 150


def test_a_full_quota_fails_with_its_events_told_once(wave: Wave) -> None:
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "1"}}}
    wave.api.create(quota | {"metadata": {"name": "pods", "namespace": wave.namespace}})
    agent = wave.agent("greedy", replicas=2, ready=False)
    path = wave.api.path(agent.manifests[0])
    failing = {"ReplicaFailure"}
    wait_until(
        "the quota is full",
        lambda: failing & {one["type"] for one in wave.api.get(path)["status"].get("conditions", ())},
    )
    [verdict] = wave.watch(agent).failed
    assert (verdict.reason, "exceeded quota: pods" in verdict.detail) == ("quota", True)
    [event] = verdict.events
    assert event.startswith('FailedCreate: Error creating: pods "greedy-')


def test_a_probe_that_never_succeeds_fails_at_the_agents_deadline(wave: Wave) -> None:
    agent = wave.agent("slow")
    agent.manifests[0]["spec"]["progressDeadlineSeconds"] = 100
    wave.break_it(agent, RUNNING)
    pod = wave.pod(agent).rpartition("/")[2]
    event = {
        "metadata": {"name": "slow-1", "namespace": wave.namespace},
        "involvedObject": {"kind": "Pod", "name": pod, "namespace": wave.namespace},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": "Readiness probe failed: HTTP probe failed with statuscode: 503",
    }
    wave.api.create({"apiVersion": "v1", "kind": "Event"} | event)
    result = wave.watch(agent)
    [verdict] = result.failed
    assert (verdict.reason, "statuscode: 503" in verdict.detail) == ("probe-failing", True)
    assert 100 < result.seconds < 200


def test_an_agent_that_crashes_after_it_was_ready_fails_in_a_look(wave: Wave) -> None:
    stays, leaves = wave.agent("stays"), wave.agent("leaves")
    result = wave.watch(stays, leaves, progress=lambda at: wave.crash(leaves, 1) if at.look == 1 else None)
    assert reasons(result) == {"stays": "", "leaves": "unstable"}


def test_restarts_from_before_the_watch_are_no_fault(wave: Wave) -> None:
    agent = wave.agent("old")
    wave.crash(agent, 7)
    assert wave.watch(agent).passed


def test_an_agent_that_is_scaled_up_meanwhile_is_no_fault(wave: Wave) -> None:
    agent = wave.agent("grown")
    path = wave.api.path(agent.manifests[0])
    huge = {"spec": {"replicas": 5000}}
    result = wave.watch(agent, progress=lambda at: wave.api.merge(path, huge) if at.look == 1 else None)
    wave.api.merge(path, {"spec": {"replicas": 0}})
    assert result.passed


def test_a_clock_that_leaps_makes_no_healthy_agent_late(wave: Wave) -> None:
    agent = wave.agent("well")

    def leap(at: Progress) -> None:
        wave.slept += 86_400

    assert wave.watch(agent, progress=leap).passed


@pytest.fixture
def prometheus_of(wave: Wave, tmp_path: Path) -> Callable[..., Any]:
    if not real_prometheus.program("prometheus"):
        pytest.skip("there is no `prometheus` on PATH, and no apt to get it with")

    def start(agent: WatchedAgent, broken: float = 0) -> Any:
        """80 % of the agent's requests succeed, and a critical alert fires while `broken` is above 0."""
        pod = wave.pod(agent).rpartition("/")[2]
        where = (("namespace", wave.namespace), ("agent_id", agent.name))
        pods = (*where, ("pod", pod))
        growth = {("agent_requests_total", pods): 10.0, ("agent_errors_total", pods): 2.0}
        rule = {"alert": "Broken", "expr": "broken > 0", "labels": {"severity": "critical"}}
        wave.exporter = real_prometheus.Exporter(growth, {("broken", where): broken})
        wave.pause = 0.05
        return real_prometheus.running(tmp_path, wave.exporter, [{"name": "all", "rules": [rule]}])

    return start


def test_too_few_requests_that_succeed_fail_an_agent_that_looks_ready(
    wave: Wave, prometheus_of: Callable[..., Any]
) -> None:
    agent = wave.agent("poor")
    with prometheus_of(agent) as address:
        [verdict] = wave.watch(agent, prometheus=address).verdicts
        assert verdict.reason == "success-ratio"
        assert verdict.detail.startswith("80.0 % of its requests succeed, at least 95 % are wanted")
        passed = wave.watch(agent, prometheus=address, success_percent=75.0)
        assert passed.passed
        assert passed.verdicts[0].success_percent == pytest.approx(80)
        no_service = WatchedAgent(agent.name, agent.namespace, agent.manifests[:1])
        assert wave.watch(no_service, prometheus=address).passed


def test_a_critical_alert_that_begins_in_a_look_fails_its_agent_and_no_other(
    wave: Wave, prometheus_of: Callable[..., Any]
) -> None:
    broken, fine = wave.agent("broken"), wave.agent("fine")
    with prometheus_of(broken) as address:

        def breaks(at: Progress) -> None:
            if at.look == 1:
                wave.exporter.set(1)
                wait_until("the alert fires", lambda: firing(address, [wave.namespace]))

        result = wave.watch(broken, fine, prometheus=address, success_percent=50.0, progress=breaks)
    assert reasons(result) == {"broken": "critical-alert", "fine": ""}
    assert "Broken" in result.failed[0].detail


def test_an_alert_from_before_the_change_is_given_time_to_end_but_not_for_ever(
    wave: Wave, prometheus_of: Callable[..., Any]
) -> None:
    agent = wave.agent("repaired")
    with prometheus_of(agent, broken=1) as address:
        wait_until("the alert fires", lambda: firing(address, [wave.namespace]))
        agent.manifests[0]["spec"]["progressDeadlineSeconds"] = 10
        [verdict] = wave.watch(agent, prometheus=address, success_percent=50.0).failed
        assert (verdict.reason, "fired before the change" in verdict.detail) == ("critical-alert", True)
        agent.manifests[0]["spec"]["progressDeadlineSeconds"] = 3600
        mended = wave.watch(agent, prometheus=address, success_percent=50.0, progress=lambda at: wave.exporter.set(0))
        assert mended.passed


def test_a_prometheus_that_does_not_answer_is_no_pass(wave: Wave) -> None:
    [verdict] = wave.watch(wave.agent("well"), prometheus="http://127.0.0.1:1").failed
    assert (verdict.reason, "cannot be reached" in verdict.detail) == ("prometheus-silent", True)


def test_a_cluster_that_does_not_answer_is_no_pass_and_no_hang(wave: Wave, cluster: ControlPlane) -> None:
    agent = wave.agent("well")
    cluster.kill_api_server()
    try:
        result = wave.watch(agent)
    finally:
        cluster.start_api_server()
    assert reasons(result) == {"well": "cluster-silent"}
    assert wave.watch(agent).passed


def test_the_last_lines_of_the_run_that_crashed_are_shown_without_secrets(wave: Wave, tmp_path: Path) -> None:
    with kubelet(tmp_path, f"starting\nkey {KEY} is not valid\n") as port:
        node = f"node-{wave.namespace}"
        wave.api.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": node}})
        try:
            agent = wave.agent("crash", nodeName=node)
            here = {
                "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
                "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            }
            wave.api.merge(f"/api/v1/nodes/{node}/status", {"status": here})
            wave.break_it(agent, CRASH, restartCount=4, lastState={"terminated": {"exitCode": 1, "reason": "Error"}})
            [verdict] = wave.watch(agent).failed
        finally:
            wave.api.delete(f"/api/v1/nodes/{node}")
    assert verdict.log == ("starting", "key … is not valid")


class kubelet:  # noqa: N801
    """The part of a kubelet that gives a container's log; only that of the run before the last restart."""

    def __init__(self, folder: Path, log: str) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200 if "previous=true" in self.path and "tailLines=" in self.path else 400)
                self.end_headers()
                self.wfile.write(log.encode())

            def log_message(self, *_: object) -> None:
                pass

        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate(folder))
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> int:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self._server.server_port

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def certificate(folder: Path) -> Path:
    """A self-signed certificate for the loopback address, with its key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubelet")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "kubelet.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
