"""`roster logs` on a real API server, which asks a stand-in for a kubelet; kwok runs no images and has no logs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api import wait_until
from control_plane import ControlPlane
from kubelet import Kubelet
from operated import Operated
from small_fleet import MINIMAL

pytestmark = pytest.mark.xdist_group("cluster")

KEY = "sk-ant-" + "aB3dE6gH" * 4


@pytest.fixture
def operated(cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    made = Operated(cluster.api, tmp_path)
    try:
        yield made
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{made.namespace}")


def entry(level: str, message: str, **fields: Any) -> str:
    """A line as the fastapi runtime writes it."""
    return json.dumps(
        {"timestamp": "2026-01-02T03:04:05.678Z", "level": level, "agent_id": "x", "message": message} | fields
    )


@pytest.fixture
def kubelet(operated: Operated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubelet]:
    with Kubelet(tmp_path_factory.mktemp("kubelet"), operated.api, f"node-{operated.suffix}") as running:
        yield running


def test_logs_of_all_pods_are_readable_and_in_the_order_of_time(operated: Operated, kubelet: Kubelet) -> None:
    operated.apply("twins", node=kubelet.node)
    first, second = (one["metadata"]["name"] for one in operated.pods("twins"))
    failed = entry(
        "WARNING", "Request failed", request_id="ab12", status=503, code="PROVIDER_DOWN", duration_ms=1234.56
    )
    kubelet.write(first, "starting", failed, seconds_ago=20)
    kubelet.write(second, entry("INFO", f"the key {KEY} is here"), seconds_ago=10)
    kubelet.write(first, entry("INFO", "Request completed", request_id="cd34", status=200, duration_ms=12.1))
    done = operated.roster("logs", "twins", "-e", "dev")
    lines = done.stdout.splitlines()
    assert [line.partition("  ")[0] for line in lines] == [
        name.removeprefix("twins-") for name in (first, first, second, first)
    ]
    assert lines[0].endswith(" starting")
    assert lines[1].endswith(
        "2026-01-02 03:04:05.678 WARNING Request failed  request_id=ab12 status=503 code=PROVIDER_DOWN 1,235 ms"
    )
    assert lines[2].endswith("the key … is here")
    assert "2 pods of business/twins" in done.stderr
    assert done.returncode == 0
    errors = operated.roster("logs", "twins", "-e", "dev", "--errors").stdout.splitlines()
    assert errors == [lines[1]]
    recent = operated.roster("logs", "twins", "-e", "dev", "--since", "5s").stdout.splitlines()
    assert recent == [lines[3]]
    raw = operated.roster("logs", "twins", "-e", "dev", "--json").stdout.splitlines()
    assert raw[1] == failed
    assert KEY not in done.stdout + "".join(raw)
    kubelet.write(first, "Traceback (most recent call last):", '  File "x.py", line 1', "ValueError: no", "on we go")
    errors = operated.roster("logs", "twins", "-e", "dev", "--errors").stdout.splitlines()
    assert [line.rpartition("  ")[2] for line in errors[2:]] == ['File "x.py", line 1', "ValueError: no"]


def test_the_log_of_the_run_before_the_last_restart_is_shown_when_asked_for(
    operated: Operated, kubelet: Kubelet
) -> None:
    operated.apply("plain", node=kubelet.node)
    never = operated.roster("logs", "plain", "-e", "dev", "--previous")
    [pod] = operated.pods("plain")
    name = pod["metadata"]["name"]
    assert f"{name} was never restarted" in never.stderr
    kubelet.write(name, "its last words")
    kubelet.restart(name)
    kubelet.write(name, "here again")
    [container] = pod["status"]["containerStatuses"]
    patch = {"status": {"containerStatuses": [container | {"restartCount": 1}]}}
    operated.api.merge(f"/api/v1/namespaces/{operated.namespace}/pods/{name}/status", patch)
    before = operated.roster("logs", "plain", "-e", "dev", "--previous")
    assert [line.partition(" ")[2].strip() for line in before.stdout.splitlines()] == ["its last words"], before.stderr
    now = operated.roster("logs", "plain", "-e", "dev")
    assert "here again" in now.stdout
    assert "last words" not in now.stdout


def test_a_followed_log_goes_on_across_a_restart_and_with_new_pods(operated: Operated, kubelet: Kubelet) -> None:
    path = operated.apply("plain", node=kubelet.node)
    [pod] = operated.pods("plain")
    name = pod["metadata"]["name"]
    kubelet.write(name, "one")
    with operated.running("logs", "plain", "-e", "dev", "-f") as process:
        assert process.line().endswith(" one")
        kubelet.write(name, "two")
        assert process.line().endswith(" two")
        # A connection that breaks makes nothing be told twice.
        kubelet.cut(name)
        kubelet.write(name, "and on")
        assert process.line().endswith(" and on")
        kubelet.restart(name)
        kubelet.write(name, "three, of the next run")
        assert process.line().endswith(" three, of the next run")
        operated.api.merge(path, {"spec": {"replicas": 2}})
        wait_until("the second pod is there", lambda: len(operated.pods("plain")) == 2)
        [other] = {one["metadata"]["name"] for one in operated.pods("plain")} - {name}
        kubelet.write(other, "from the new pod")
        line = process.line()
        assert line.startswith(f"* {other.removeprefix('plain-')}  ")
        assert line.endswith(" from the new pod")
        assert process.interrupted() == 0


def test_an_agent_without_pods_says_why_there_is_no_log(operated: Operated) -> None:
    operated.apply("asleep")
    done = operated.roster("logs", "asleep", "-e", "dev")
    assert "business/asleep has no pods in dev: suspended by the agent" in done.stderr
    assert done.stdout == ""


def test_a_pod_that_has_not_started_says_what_it_waits_for(operated: Operated) -> None:
    operated.apply("plain", MINIMAL, "image-cannot-be-pulled", ready=False)
    wait_until("it waits", lambda: "ImagePull" in str(operated.pods("plain")))
    done = operated.roster("logs", "plain", "-e", "dev")
    assert "has written nothing yet: ImagePullBackOff" in done.stderr
