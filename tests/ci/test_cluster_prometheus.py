"""Alerts and success ratios, asked of a real Prometheus that evaluates the rules that Roster renders."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import real_prometheus
from small_fleet import fleet

from ci.cluster.prometheus import PrometheusError, counted, firing
from components.specs.monitoring.rules import pool_rules

POOR = ("business", "poor")
GOOD = ("business", "good")
IDLE = ("business", "idle")


def counters(pod: str, agent: str, requests: float, errors: float) -> dict[Any, float]:
    labels = (("namespace", "business"), ("agent_id", agent), ("pod", pod))
    return {("agent_requests_total", labels): requests, ("agent_errors_total", labels): errors}


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not real_prometheus.program("prometheus"):
        pytest.skip("there is no `prometheus` on PATH, and no apt to get it with")
    [group] = pool_rules({}, "business", "business", "growth", "prod", fleet({}).catalog.settings)["spec"]["groups"]
    # As rendered, but without the minutes that an alert is pending.
    rules = [rule | {"for": "0s"} for rule in group["rules"]]
    growth = (
        counters("good-1", "good", 10, 0)
        | counters("poor-1", "poor", 10, 2)
        | counters("poor-0", "poor", 10, 10)
        | counters("idle-1", "idle", 0, 0)
    )
    down = {
        (f"kube_deployment_{part}", (("namespace", "business"), ("deployment", "gone"))): value
        for part, value in (("status_replicas_available", 0.0), ("spec_replicas", 1.0))
    }
    # A warning, which is nobody's failure.
    down["agent_queue_depth", (("namespace", "business"), ("agent_id", "good"))] = 5000.0
    exporter = real_prometheus.Exporter(growth, down)
    folder = tmp_path_factory.mktemp("prometheus")
    with real_prometheus.running(folder, exporter, [{"name": "business", "rules": rules}]) as address:
        yield address


def test_the_critical_alerts_that_roster_renders_are_found_by_agent(prometheus: str) -> None:
    found = firing(prometheus, ["business", "other"])
    assert found == {POOR: {"HighErrorRate"}, ("business", "gone"): {"AgentDown"}}
    assert firing(prometheus, ["other"]) == {}


def test_the_share_of_requests_that_succeed_is_that_of_the_pods_asked_for(prometheus: str) -> None:
    found = counted(prometheus, {POOR: ["poor-1"], GOOD: ["good-1"], IDLE: ["idle-1"]})
    assert found[POOR].success_percent == pytest.approx(80)
    assert found[GOOD].success_percent == pytest.approx(100)
    assert counted(prometheus, {POOR: ["poor-0"]})[POOR].success_percent == pytest.approx(0)


def test_an_agent_without_requests_has_no_share(prometheus: str) -> None:
    assert counted(prometheus, {IDLE: ["idle-1"]})[IDLE].success_percent is None
    assert counted(prometheus, {POOR: ["poor-2"]}) == {}


def test_an_address_where_nothing_listens_cannot_be_asked() -> None:
    with pytest.raises(PrometheusError, match=r"http://127\.0\.0\.1:1 cannot be reached"):
        firing("http://me:secret@127.0.0.1:1", ["business"])


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (302, ""), (200, "[]"), (200, '{"status": "success"}')])
def test_an_answer_that_is_not_prometheus_is_not_a_pass(status: int, body: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(PrometheusError, match=f"answers {status}"):
                firing(f"http://127.0.0.1:{server.server_port}", ["business"])
        finally:
            server.shutdown()


def test_a_query_that_prometheus_refuses_is_told_in_its_words(prometheus: str) -> None:
    with pytest.raises(PrometheusError, match=r"answers 400: .*parse error"):
        firing(prometheus, ['"'])
