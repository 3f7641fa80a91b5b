"""What the real kube-state-metrics says of agents on a real API server, and what a real Prometheus makes of it.

kwok runs no images: what a kubelet would say of a container in trouble is written into the pods' status.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import real_prometheus
from api import Api, Manifest, wait_until
from control_plane import TOP, ControlPlane
from processes import Service, free_ports
from programs import apply_program
from small_fleet import MINIMAL
from state import wipe
from trial_fleets import PLATFORM, POOL, SHARD, bad_image, namespace, trial_project

sys.path.append(str(TOP / "tests/monitoring"))

from captures import Sample, captured, hold, kept, samples

pytestmark = pytest.mark.xdist_group("cluster")

NAME = "kube_state_metrics"
NAMESPACE = namespace("series")
LABELS = "--metric-labels-allowlist=deployments=[roster/owner,roster/tier,app.kubernetes.io/component]"
MADE_BY = f"""\
kube-state-metrics v2.18.0 with {LABELS}
against a kube-apiserver v1.36.3: one agent with all its series, of others what they have besides.
`namespace`, `pod` and so on are the objects': Prometheus keeps them with honorLabels only.
Made again by: pytest tests/cluster/test_kube_state_metrics.py --update-golden"""
OVERRIDES = "overrides: {dev: {scaling: %s}}\n"
AGENTS = {
    "brief-writer": MINIMAL + OVERRIDES % "{min: 2, max: 4}" + "tier: medium\n",
    "troubled": MINIMAL + OVERRIDES % "{min: 10, max: 10}",
    "crashing": MINIMAL + bad_image("crash-loops"),
    "pulling": MINIMAL + bad_image("image-cannot-be-pulled"),
    "homeless": MINIMAL,
    "asleep": MINIMAL + "suspended: true\n",
}
# Each pod of `troubled` but one waits for another of these.
WAITING = (
    "CrashLoopBackOff",
    "CreateContainerConfigError",
    "CreateContainerError",
    "ErrImageNeverPull",
    "ErrImagePull",
    "ImageInspectError",
    "ImagePullBackOff",
    "InvalidImageName",
    "RunContainerError",
)
# Agent → its pods; of `homeless` one runs and one finds no node.
PODS = {"brief-writer": 2, "troubled": 10, "crashing": 1, "pulling": 1, "homeless": 2}
# Of the others without a ready pod, "crashing" is in its first rollout still: RolloutStuck and CrashLoop speak of that.
DOWN = {"pulling", "troubled"}


@dataclass(frozen=True)
class Watched:
    """The sample agents with kube-state-metrics beside them."""

    address: str
    rules: list[dict[str, Any]]

    def samples(self) -> list[Sample]:
        """What it exposes of the sample agents and of all that is in no namespace of others."""
        found = samples(httpx.get(f"http://{self.address}/metrics", timeout=30, trust_env=False).text)
        return [one for one in found if one.label("namespace") == NAMESPACE]


@pytest.fixture(scope="module")
def watched(cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    top = trial_project(tmp_path_factory.mktemp("series"), "series", AGENTS)
    # Those that never get ready are given up soon.
    applied = apply_program(top, cluster.kubeconfig, PLATFORM, POOL, SHARD, wait_seconds=20, continue_on_error=True)
    try:
        _bring_trouble(cluster.api)
        with _kube_state_metrics(cluster) as address:
            rules = [one for one in applied.objects if one["kind"] == "PrometheusRule"]
            watched = Watched(address, [group for one in rules for group in one["spec"]["groups"]])
            wait_until("it has seen all pods", lambda: _seen(watched.samples()))
            yield watched
    finally:
        wipe(cluster.api, applied.objects)


class _kube_state_metrics:  # noqa: N801
    """The address (host and port) of the program that ci/go-tools.txt pins."""

    def __init__(self, cluster: ControlPlane) -> None:
        command = ["bash", str(TOP / "ci/go_tools.sh"), "kube-state-metrics"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=3600, check=False)
        assert done.returncode == 0, done.stderr
        port, own = free_ports(2)
        self.address = f"127.0.0.1:{port}"
        options = [f"--kubeconfig={cluster.kubeconfig}", LABELS, "--host=127.0.0.1", "--telemetry-host=127.0.0.1"]
        # What else lies in the shared cluster is other tests'.
        options.append(f"--namespaces={NAMESPACE}")
        self.service = Service(
            cluster.folder, [done.stdout.strip(), *options, f"--port={port}", f"--telemetry-port={own}"]
        )

    def __enter__(self) -> str:
        self.service.start()
        wait_until("kube-state-metrics answers", self._answers, 60)
        return self.address

    def __exit__(self, *_: object) -> None:
        self.service.kill()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://{self.address}/metrics", timeout=30, trust_env=False).is_success
        except httpx.TransportError:
            return False


def _pods(api: Api) -> list[Manifest]:
    return api.items(f"/api/v1/namespaces/{NAMESPACE}/pods")


def _bring_trouble(api: Api) -> None:
    """What a kubelet, a full cluster and a busy autoscaler would say."""
    apps, scaling = (f"/apis/{one}/namespaces/{NAMESPACE}" for one in ("apps/v1", "autoscaling/v2"))
    api.merge(f"{apps}/deployments/pulling", {"spec": {"progressDeadlineSeconds": 1}})
    nowhere = {"spec": {"nodeSelector": {"kubernetes.io/hostname": "nowhere"}}}
    api.merge(f"{apps}/deployments/homeless", {"spec": {"template": nowhere}})
    wait_until("all pods are there", lambda: len(_pods(api)) == sum(PODS.values()))
    scaler = f"{scaling}/horizontalpodautoscalers/brief-writer"
    limited = {"type": "ScalingLimited", "status": "True", "reason": "TooManyReplicas"}
    wait_until("the autoscaler was looked at", lambda: api.get(scaler)["status"].get("conditions"))
    api.merge(f"{scaler}/status", {"status": {"conditions": [*api.get(scaler)["status"]["conditions"], limited]}})
    pods = sorted(one["metadata"]["name"] for one in _pods(api) if one["metadata"]["name"].startswith("troubled-"))
    for pod, reason in zip(pods, (*WAITING, "OOMKilled"), strict=True):
        _ail(api, pod, reason)
    trouble = f"{apps}/deployments/troubled"
    wait_until("troubled is down", lambda: not api.get(trouble)["status"].get("availableReplicas"))


def _ail(api: Api, pod: str, reason: str) -> None:
    """The container waits for that reason, or was killed for its memory and starts again."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}"
    [container] = wait_until("the pod has started", lambda: api.get(path)["status"].get("containerStatuses"))
    change: Manifest = {"ready": False, "state": {"waiting": {"reason": reason}}}
    if reason == "OOMKilled":
        killed = {"exitCode": 137, "reason": reason, "startedAt": None, "finishedAt": None}
        change = {"ready": False, "restartCount": 3, "lastState": {"terminated": killed}}
    unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    api.merge(f"{path}/status", {"status": {"containerStatuses": [container | change], "conditions": unready}})


def _seen(found: list[Sample]) -> bool:
    by_name: dict[str, list[Sample]] = {}
    for one in found:
        by_name.setdefault(one.name, []).append(one)
    reasons = {
        one.label("reason")
        for kind in ("waiting", "last_terminated")
        for one in by_name.get(f"{_STATUS}_{kind}_reason", [])
    }
    late = [one for one in by_name.get("kube_deployment_status_condition", []) if one.label("reason") == _LATE]
    limited = [
        one
        for one in by_name.get("kube_horizontalpodautoscaler_status_condition", [])
        if one.label("condition") == "ScalingLimited"
    ]
    all_there = len(by_name.get("kube_pod_owner", [])) == sum(PODS.values())
    nowhere = "kube_pod_status_unschedulable" in by_name
    return all_there and reasons >= {*WAITING, "OOMKilled"} and bool(late) and bool(limited) and nowhere


_STATUS = "kube_pod_container_status"
_LATE = "ProgressDeadlineExceeded"


def test_what_it_exposes_is_what_was_captured(watched: Watched, update_golden: bool) -> None:
    def whole(one: Sample) -> bool:
        """The agent that says what one agent costs, and what is the whole pool's."""
        return any(value.startswith("brief-writer") for _, value in one.labels) or "resourcequota" in one.name

    def shapes(found: Iterable[Sample]) -> set[object]:
        return {one.shape for one in found}

    # Controllers write statuses a moment after one another.
    with suppress(TimeoutError):
        wait_until("it is", lambda: update_golden or shapes(watched.samples()) == shapes(captured(NAME)), 20)
    hold(NAME, kept(watched.samples(), whole), MADE_BY, update_golden)


@dataclass(frozen=True)
class Prometheus:
    """A real one."""

    address: str

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Labels, without the name, and value of each series."""
        found = self.get("query", query=query)["result"]
        return [
            ({key: one["metric"][key] for key in one["metric"] if key != "__name__"}, float(one["value"][1]))
            for one in found
        ]

    def get(self, what: str, **query: str) -> dict[str, Any]:
        """The data of an answer."""
        answer = httpx.get(f"{self.address}/api/v1/{what}", params=query, timeout=30, trust_env=False)
        found: dict[str, Any] = answer.raise_for_status().json()["data"]
        return found


@pytest.fixture(scope="module")
def prometheus(watched: Watched, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """With the rules that were applied; it scrapes kube-state-metrics."""
    if not real_prometheus.program("prometheus"):
        pytest.skip("there is no `prometheus` on PATH, and no apt to get it with")
    with real_prometheus.scraping(tmp_path_factory.mktemp("prometheus"), watched.address, watched.rules) as address:
        running = Prometheus(address)
        wait_until("rules were evaluated in their order", lambda: running.ask("roster:agent_reason:pods_ended"))
        yield running


def test_every_agent_is_seen_with_its_owner_and_tier(prometheus: Prometheus) -> None:
    found = [labels for labels, _ in prometheus.ask("roster:agent:seen")]
    tiers = dict.fromkeys(AGENTS, "small") | {"brief-writer": "medium"}
    assert sorted(found, key=str) == sorted(
        ({"namespace": NAMESPACE, "agent_id": name, "owner": "growth", "tier": tier} for name, tier in tiers.items()),
        key=str,
    )
    now = time.time()
    assert all(abs(now - value) < 60 for _, value in prometheus.ask("roster:agent:seen"))


def test_every_pod_leads_to_its_agent(prometheus: Prometheus, cluster: ControlPlane) -> None:
    found = {labels["pod"]: labels["agent_id"] for labels, _ in prometheus.ask("roster:pod:agent")}
    named = "app.kubernetes.io/name"
    assert found == {one["metadata"]["name"]: one["metadata"]["labels"][named] for one in _pods(cluster.api)}


def test_an_agent_is_down_when_no_pod_of_it_is_available_and_one_is_wanted(prometheus: Prometheus) -> None:
    found = {labels["agent_id"]: value for labels, value in prometheus.ask("roster:agent:down")}
    assert found == {name: float(name in DOWN) for name in AGENTS if name != "asleep"}


def test_what_pods_wait_for_is_counted_by_agent_and_reason(prometheus: Prometheus) -> None:
    found = {
        (labels["agent_id"], labels["reason"]): value
        for labels, value in prometheus.ask("roster:agent_reason:pods_waiting > 0")
    }
    expected = {("troubled", reason): 1.0 for reason in WAITING}
    expected |= {
        ("crashing", "CrashLoopBackOff"): 1,
        ("pulling", "ImagePullBackOff"): 1,
        ("homeless", "Unschedulable"): 1,
    }
    assert found == expected
    ends = {
        (labels["agent_id"], labels["reason"]): value
        for labels, value in prometheus.ask("roster:agent_reason:pods_ended")
    }
    assert ends == {("troubled", "OOMKilled"): 1, ("crashing", "Error"): 1}


def test_alerts_of_agents_that_are_down_name_their_owner_and_no_rule_fails(prometheus: Prometheus) -> None:
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["name"]: rule.get("lastError") for rule in rules if rule["health"] == "err"} == {}
    [down] = [rule for rule in rules if rule["name"] == "AgentDown"]
    alerts = [one["labels"] for one in down["alerts"]]
    assert {one["agent_id"] for one in alerts} == DOWN
    assert {(one["owner"], one["namespace"], one["pool"]) for one in alerts} == {("growth", NAMESPACE, "business")}
