"""`roster alerts` with a real Prometheus that evaluates the rules that Roster renders, and a real Alertmanager."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import real_prometheus
import yaml
from command_fleet import Done, roster
from debian_programs import program
from live_series import counters, gauges
from real_alertmanager import alertmanager
from small_fleet import MINIMAL, fleet, write

from ci.live.alerts import LiveAlert, ordered
from components.specs.monitoring.rules import pool_rules

NAMES = ("poor", "gone", "lost", "away", "busy")
AGENTS = {f"business/{name}.yaml": MINIMAL for name in NAMES} | {"support/calm.yaml": MINIMAL}
CONFIG = {
    "route": {"receiver": "none", "group_by": ["environment", "namespace", "cause", "agent_id"]},
    "receivers": [{"name": "none"}],
    "inhibit_rules": [
        {
            "source_matchers": ['scope="pool"'],
            "target_matchers": ['scope="agent"'],
            "equal": ["environment", "namespace", "cause"],
        }
    ],
}


@dataclass(frozen=True)
class Watched:
    """A fleet, and the addresses of what watches it."""

    folder: Path
    prometheus: str
    alertmanager: str

    def alerts(self, *arguments: str) -> Done:
        return roster(self.folder, "alerts", "--prometheus", self.prometheus, *arguments)

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.alerts("--json", *arguments).stdout)["alerts"]
        return found


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    for name in ("prometheus", "prometheus-alertmanager"):
        if not program(name):
            pytest.skip(f"there is no `{name}` on PATH, and no apt to get it with")
    folder = tmp_path_factory.mktemp("watched")
    settings = fleet({}).catalog.settings
    [group] = pool_rules({}, "business", "business", "growth", "prod", settings)["spec"]["groups"]
    # As rendered, but without the minutes that an alert is pending; one keeps them, and is pending.
    rules = [rule | {"for": "0s"} if rule.get("alert") not in (None, "QueueDepth") else rule for rule in group["rules"]]
    down = {
        key: value for name in ("gone", "lost", "away") for key, value in gauges("business", name, 0, 0, 1, 0).items()
    }
    queue = {("agent_queue_depth", (("namespace", "business"), ("agent_id", "busy"))): 5000.0}
    exporter = real_prometheus.Exporter(counters("business", "poor", "poor-1", 2, "3"), down | queue)
    started = real_prometheus.running(folder, exporter, [{"name": "business", "rules": rules}])
    with started as prometheus, alertmanager(config(folder)) as manager:
        tell(manager, prometheus)
        silence(manager, {"alertname": "HighErrorRate", "agent_id": "poor"}, "being mended")
        yield Watched(write(folder / "fleet", AGENTS), prometheus, manager)


def config(folder: Path) -> Path:
    """The file of an Alertmanager that tells nobody."""
    file = folder / "alertmanager.yaml"
    file.write_text(yaml.safe_dump(CONFIG), "utf-8")
    return file


def wait(ready: Any) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if ready():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise TimeoutError


def tell(manager: str, prometheus: str) -> None:
    """Sends what fires as Prometheus does, with an external label; returns when the pool's alert inhibits others."""
    alerts = httpx.get(f"{prometheus}/api/v1/alerts").json()["data"]["alerts"]
    firing = [
        {"labels": one["labels"] | {"cluster": "eu"}, "annotations": one["annotations"], "startsAt": one["activeAt"]}
        for one in alerts
        if one["state"] == "firing"
    ]
    httpx.post(f"{manager}/api/v2/alerts", json=firing).raise_for_status()
    wait(lambda: any(one["status"]["inhibitedBy"] for one in httpx.get(f"{manager}/api/v2/alerts").json()))


def silence(manager: str, labels: dict[str, str], comment: str) -> None:
    now = datetime.now(UTC)
    matchers = [{"name": name, "value": value, "isRegex": False} for name, value in labels.items()]
    asked = {
        "matchers": matchers,
        "startsAt": now.isoformat(),
        "endsAt": (now + timedelta(hours=1)).isoformat(),
        "createdBy": "ada",
        "comment": comment,
    }
    httpx.post(f"{manager}/api/v2/silences", json=asked).raise_for_status()
    wait(lambda: any(one["status"]["silencedBy"] for one in httpx.get(f"{manager}/api/v2/alerts").json()))


def test_the_worst_come_first_with_owner_runbook_and_what_they_say(watched: Watched) -> None:
    found = watched.json("--pool", "business", "-e", "prod")
    firing = [one for one in found if one["state"] == "firing"]
    assert [one["severity"] for one in firing] == sorted(one["severity"] for one in firing)
    assert found[: len(firing)] == firing
    poor = next(one for one in firing if one["alert"] == "HighErrorRate")
    assert (poor["agent"], poor["pool"], poor["environment"], poor["owner"]) == ("poor", "business", "prod", "growth")
    assert "20 %" in poor["summary"]
    assert poor["runbook"].endswith("/HighErrorRate.md")
    assert datetime.fromisoformat(poor["since"]) <= datetime.now(UTC)
    # Nobody was asked whether it is silenced.
    assert poor["silenced"] is None
    [pending] = [one for one in found if one["state"] == "pending"]
    assert (pending["alert"], pending["agent"]) == ("QueueDepth", "busy")


def test_what_is_silenced_or_inhibited_is_told_apart(watched: Watched) -> None:
    found = watched.json("-e", "prod", "--alertmanager", watched.alertmanager)
    poor = next(one for one in found if one["alert"] == "HighErrorRate")
    [comment] = poor["silenced"]
    assert comment.startswith("being mended (ada, until ")
    down = [one for one in found if one["alert"] == "AgentDown"]
    assert [one["inhibited"] for one in down] == [True, True, True]
    pool = next(one for one in found if one["alert"] == "PoolDown")
    assert (pool["inhibited"], pool["silenced"]) == (False, [])
    text = watched.alerts("-e", "prod", "--alertmanager", watched.alertmanager).stdout
    told, _, quiet = text.partition("Firing, and nobody is told:")
    assert "PoolDown" in told
    assert "HighErrorRate" not in told
    assert "being mended" in quiet
    assert "[inhibited]" in quiet


def test_an_agents_alerts_are_its_own_and_its_pools(watched: Watched) -> None:
    about = {(one["alert"], one["agent"]) for one in watched.json("gone", "-e", "prod")}
    assert {("AgentDown", "gone"), ("PoolDown", None)} <= about
    assert {agent for _, agent in about} == {"gone", None}
    calm = watched.alerts("calm", "-e", "prod")
    assert (calm.stdout, calm.returncode) == ("nothing fires, and nothing is pending\n", 0)


def test_alerts_of_other_environments_are_not_shown(watched: Watched) -> None:
    assert watched.json("-e", "dev") == []


def test_the_table_is_for_people_and_firing_is_no_failure(watched: Watched) -> None:
    done = watched.alerts("-e", "prod")
    assert done.returncode == 0
    head, _, titles, *rest = done.stdout.splitlines()
    assert " firing: " in head
    assert " critical" in head
    assert titles.split() == ["severity", "alert", "about", "where", "since", "owner", "summary"]
    assert any(line.startswith("critical") and "business/poor" in line for line in rest)
    assert "Pending, not yet for as long as the rule asks:" in rest
    assert "  https://git.example.com/runbooks/HighErrorRate.md" in rest or any(
        "/HighErrorRate.md" in one for one in rest
    )


def test_an_alertmanager_that_is_away_leaves_what_prometheus_says(watched: Watched) -> None:
    done = watched.alerts("-e", "prod", "--alertmanager", "http://me:secret@127.0.0.1:1")
    assert done.returncode == 6
    assert "HighErrorRate" in done.stdout
    [line] = done.stderr.splitlines()
    assert line.startswith(
        "roster: whether alerts are silenced is not known: Alertmanager at http://127.0.0.1:1 cannot"
    )
    assert "secret" not in line


def test_a_prometheus_that_is_away_is_one_line(tmp_path: Path) -> None:
    done = roster(write(tmp_path, AGENTS), "alerts", "--prometheus", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (6, "")
    [line] = done.stderr.splitlines()
    assert "Prometheus at http://127.0.0.1:1 cannot be reached" in line


def test_without_a_prometheus_it_is_said_where_one_is_given(tmp_path: Path) -> None:
    done = roster(write(tmp_path, AGENTS), "alerts", "-e", "prod")
    assert done.returncode == 2
    assert "`rollout.gate.prometheus` in catalog/environments.yaml, or --prometheus" in done.stderr


def test_an_answer_of_something_else_is_no_empty_list(watched: Watched) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"data": []}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            silences = watched.alerts("-e", "prod", "--alertmanager", address)
            alerts = watched.alerts("-e", "prod", "--prometheus", address)
        finally:
            server.shutdown()
    assert silences.returncode == alerts.returncode == 6
    assert "and not as Alertmanager does" in silences.stderr
    assert "and not as Prometheus does" in alerts.stderr
    assert alerts.stdout == ""


def test_what_fires_comes_first_then_the_worst_then_the_oldest() -> None:
    def alert(name: str, state: Any, severity: str, hours: int, quiet: bool = False) -> LiveAlert:
        since = datetime(2026, 11, 21, 20, tzinfo=UTC) - timedelta(hours=hours)
        nothing = ("",) * 6
        return LiveAlert(name, state, severity, *nothing, since, "", "", {}, ("asleep",) if quiet else (), False)

    wanted = [
        alert("a", "firing", "critical", 2),
        alert("b", "firing", "critical", 1),
        alert("c", "firing", "warning", 9),
        alert("d", "firing", "info", 9),
        alert("e", "firing", "critical", 9, quiet=True),
        alert("f", "pending", "critical", 9),
    ]
    assert ordered(reversed(wanted)) == wanted
