"""`roster status` on a real API server, with a real Prometheus beside it."""

from __future__ import annotations

import os
import select
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import real_prometheus
from api import wait_until
from control_plane import ControlPlane
from live_series import COMMIT, counters, gauges
from operated import Operated
from small_fleet import MINIMAL, fleet

from components.specs.monitoring.rules import pool_rules

pytestmark = pytest.mark.xdist_group("cluster")

APPLIED = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)


@pytest.fixture
def operated(cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    made = Operated(cluster.api, tmp_path)
    try:
        yield made
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{made.namespace}")


@pytest.fixture
def prometheus(operated: Operated, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Has `plain`, which fails 20 % of its requests, and evaluates the rules that Roster renders for its pool."""
    if not real_prometheus.program("prometheus"):
        pytest.skip("there is no `prometheus` on PATH, and no apt to get it with")
    settings = fleet({}, operated.catalog).catalog.settings
    [group] = pool_rules({}, operated.namespace, "business", "growth", "dev", settings)["spec"]["groups"]
    rules = [rule | {"for": "0s"} if "alert" in rule else rule for rule in group["rules"]]
    where = (operated.namespace, "plain")
    exporter = real_prometheus.Exporter(counters(*where, "plain-1", 2, "3"), gauges(*where, 0.62, APPLIED.timestamp()))
    folder = tmp_path_factory.mktemp("prometheus")
    with real_prometheus.running(folder, exporter, [{"name": "pool", "rules": rules}]) as address:
        yield address


def test_each_agent_is_told_in_the_state_that_it_is_in(operated: Operated) -> None:
    operated.apply("plain")
    operated.apply("twins")
    operated.apply("asleep")
    operated.apply("crash", MINIMAL, "crash-loops", ready=False)
    wait_until("it crashes", lambda: "containerStatuses" in str(operated.pods("crash")))
    found = operated.status()
    assert {name: (one["state"], one["ready"], one["desired"]) for name, one in found.items()} == {
        "plain": ("deployed", 1, 1),
        "twins": ("deployed", 2, 2),
        "asleep": ("stopped", 0, 0),
        "not-yet": ("pending", None, None),
        "crash": ("failed", 0, 1),
    }
    assert found["asleep"]["why"] == "suspended by the agent"
    assert not found["asleep"]["attention"]
    assert found["not-yet"]["why"].startswith("not in the cluster")
    assert found["crash"]["reason"] == "crash-loop"
    assert "agent was restarted 7 times; exit code 1" in found["crash"]["why"]
    assert found["plain"]["why"] is None
    # Without a record of CI's: since when its pods are what they are.
    assert found["plain"]["last_change"]["source"] == "replicaset"


def test_an_agent_that_is_in_the_cluster_but_not_defined_is_named(operated: Operated) -> None:
    operated.apply("stray", MINIMAL)
    stray = operated.status()["stray"]
    assert (stray["defined"], stray["state"], stray["attention"]) == (False, "deployed", True)
    assert stray["owner"] == "growth"
    text = operated.roster("status", "business/stray", "-e", "dev")
    assert "business/stray in dev: deployed, 1 of 1 pod ready" in text.stdout
    assert "in the cluster, but not defined here" in text.stdout
    # What is neither there nor defined is not shown as if it were.
    nothing = operated.roster("status", "business/nobody", "-e", "dev")
    assert "neither defined nor in a cluster that was asked: business/nobody" in nothing.stderr


def test_an_agent_whose_definition_has_errors_is_shown_as_it_runs_and_not_as_a_stray(operated: Operated) -> None:
    operated.apply("plain")
    (operated.folder / "agents/business/plain.yaml").write_text("version: 1\nowner: nobody\n", "utf-8")
    (operated.folder / "agents/business/not-yet.yaml").write_text("version: 1\nowner: nobody\n", "utf-8")
    found = operated.status()
    assert (found["plain"]["state"], found["plain"]["defined"], found["plain"]["attention"]) == (
        "deployed",
        True,
        False,
    )
    assert "not-yet" not in found
    assert "deployed" in operated.roster("status", "plain", "-e", "dev").stdout


def test_a_change_that_is_on_its_way_is_deploying_and_a_scaled_agent_is_scaling(operated: Operated) -> None:
    path = operated.apply("twins")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "spec": {"hard": {"pods": "2"}}}
    operated.api.create(quota | {"metadata": {"name": "pods", "namespace": operated.namespace}})
    operated.api.merge(path, {"spec": {"replicas": 3}})
    wait_until("it is refused", lambda: "ReplicaFailure" in str(operated.api.get(path)["status"]))
    refused = operated.status("twins")["twins"]
    assert (refused["state"], refused["reason"], refused["ready"]) == ("failed", "quota", 2)
    operated.api.delete(f"/api/v1/namespaces/{operated.namespace}/resourcequotas/pods")
    # A pod that no node has room for: wanted by a change first, and then by a larger number of pods.
    room = {"resources": {"requests": {"cpu": "2000"}, "limits": {"cpu": "2000"}}}
    operated.api.merge(path, {"spec": {"replicas": 2}})
    wait_until("it is ready again", lambda: operated.ready(path))
    [container] = operated.api.get(path)["spec"]["template"]["spec"]["containers"]
    operated.api.merge(path, {"spec": {"template": {"spec": {"containers": [container | room]}}}})
    wait_until("a new pod waits", lambda: len(operated.pods("twins")) == 3)
    wait_until("nobody has room", lambda: operated.status("twins")["twins"]["reason"] == "unschedulable")
    changing = operated.status("twins")["twins"]
    assert (changing["state"], changing["ready"]) == ("deploying", 2)
    assert "Insufficient cpu" in changing["why"]


def test_pods_that_are_added_to_a_deployed_agent_are_scaling(operated: Operated) -> None:
    path = operated.apply("plain")
    [first] = operated.pods("plain")
    operated.api.merge(path, {"spec": {"replicas": 2}})
    wait_until("both are ready", lambda: operated.ready(path))
    [second] = [one for one in operated.pods("plain") if one["metadata"]["uid"] != first["metadata"]["uid"]]
    unready = [{"type": kind, "status": "False"} for kind in ("Ready", "ContainersReady")]
    where = f"/api/v1/namespaces/{operated.namespace}/pods/{second['metadata']['name']}/status"
    operated.api.merge(where, {"status": {"conditions": unready}})
    wait_until("it is seen", lambda: not operated.ready(path))
    found = operated.status("plain")["plain"]
    assert (found["state"], found["ready"], found["desired"], found["attention"]) == ("scaling", 1, 2, False)


def test_an_agent_scaled_to_nothing_by_hand_needs_attention(operated: Operated) -> None:
    path = operated.apply("plain")
    operated.api.merge(path, {"spec": {"replicas": 0}})
    wait_until("its pods are gone", lambda: not operated.pods("plain"))
    wait_until("it is seen", lambda: operated.status("plain")["plain"]["state"] == "stopped")
    found = operated.status("plain")["plain"]
    assert found["attention"]
    assert found["why"] == "scaled to no pods, though its definition does not suspend it"


def test_the_table_shows_all_and_says_below_it_why_some_are_not_well(operated: Operated) -> None:
    operated.apply("plain")
    operated.apply("twins", MINIMAL, "image-cannot-be-pulled", ready=False)
    wait_until("it waits", lambda: "ImagePull" in str(operated.pods("twins")))
    done = operated.roster("status", "--pool", "business", "-e", "dev")
    assert done.returncode == 0
    head, _, titles, *rest = done.stdout.splitlines()
    assert head == "4 agents: 1 deployed, 2 pending, 1 failed"
    assert titles.split() == ["agent", "state", "ready", "changed", "image"]
    assert any(line.startswith("business/twins") and "failed" in line and "0/1" in line for line in rest)
    assert any(line.startswith("business/twins in dev: the image cannot be pulled: ") for line in rest)
    assert any(line.startswith("  Check that the image's name and tag exist") for line in rest)


def test_environments_whose_cluster_is_not_in_the_kubeconfig_are_named_and_others_shown(operated: Operated) -> None:
    operated.apply("plain")
    done = operated.roster("status", "plain")
    assert "business/plain in dev: deployed" in done.stdout
    assert "not asked, for the kubeconfig does not have the context: prod.eu (not-here)" in done.stderr
    assert done.returncode == 0
    # Asked for by name it is a failure.
    meant = operated.roster("status", "plain", "-e", "prod")
    assert meant.returncode == 6
    assert "has no context 'not-here'" in meant.stderr


def test_figures_of_prometheus_stand_beside_what_the_cluster_says(operated: Operated, prometheus: str) -> None:
    operated.apply("plain")
    found = operated.status("plain", "--prometheus", prometheus)["plain"]
    assert found["error_percent"] == pytest.approx(20)
    assert found["requests_per_minute"] > 0
    assert 2 < found["p95_seconds"] <= 3
    assert found["cost_today"] > 0
    assert found["tokens_today"] > 1000
    assert found["budget_percent"] == pytest.approx(62)
    assert found["last_change"] == {"at": f"{APPLIED:%Y-%m-%dT%H:%M:%SZ}", "commit": COMMIT, "source": "applied"}
    assert {"alert": "HighErrorRate", "severity": "critical"} in found["firing"]
    text = operated.roster("status", "plain", "-e", "dev", "--prometheus", prometheus).stdout
    assert "last change  3 h ago 3a0eefdc46" in text
    assert "20 % failed" in text


def test_a_cluster_that_is_down_is_one_line_and_what_prometheus_knows_is_still_shown(
    operated: Operated, cluster: ControlPlane, prometheus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody listens there: for who asks it is the same.
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig_of("http://127.0.0.1:1")))
    done = operated.roster("status", "-e", "dev", "--prometheus", prometheus)
    assert done.returncode == 6
    [line] = done.stderr.splitlines()
    assert "cannot be reached" in line
    assert any("business/plain" in row and "unknown" in row and "20 %" in row for row in done.stdout.splitlines())


def test_a_watch_in_a_pipe_tells_everything_once_and_then_what_changes(operated: Operated) -> None:
    path = operated.apply("plain")
    with operated.running("status", "plain", "-e", "dev", "--watch") as process:
        head, _, _, row = (process.line() for _ in range(4))
        assert (head, row.split()[:3]) == ("1 agent: 1 deployed", ["business/plain", "deployed", "1/1"])
        operated.api.merge(path, {"spec": {"replicas": 0}})
        changed = process.line().partition(" ")[2]
        assert changed.startswith("business/plain in dev: deployed 1/1 → stopped 0/0 (scaled to no pods")
        assert process.interrupted() == 0


def test_a_watch_on_a_terminal_draws_itself_anew(operated: Operated) -> None:
    seen = _watched(operated, "xterm", ends=2)
    assert seen.count(b"business/plain") == 2
    assert b"\x1b[" in seen


def test_a_watch_on_a_terminal_that_cannot_draw_anew_gets_lines(operated: Operated) -> None:
    seen = _watched(operated, "dumb", until=b"\n", ends=4)
    assert b"business/plain" in seen
    assert b"\x1b[" not in seen


def _watched(operated: Operated, term: str, ends: int, until: bytes = b"Ctrl-C ends") -> bytes:
    """What a terminal of this kind got until so many ends were seen."""
    operated.apply("plain")
    ours, theirs = os.openpty()
    with operated.running("status", "--pool", "business", "-e", "dev", "--watch", stdout=theirs, term=term) as process:
        os.close(theirs)
        seen = b""
        while seen.count(until) < ends:
            # As patient as the one in a pipe: the first look may have to wait for a busy API server.
            assert select.select([ours], [], [], 60)[0], seen
            seen += os.read(ours, 4096)
        assert process.interrupted() == 0
    os.close(ours)
    return seen
