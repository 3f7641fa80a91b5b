"""Which ports of which pods a real Prometheus scrapes by the pool's PodMonitor, at which path and with which labels."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from running_exporters import served, wait_until
from small_fleet import CHARACTER, MINIMAL, fleet, resolved

from components.specs import agent_manifests
from components.specs.monitoring.scraping import pod_monitor

sys.path.append(str(Path(__file__).parent / "end_to_end"))

from scraping import pod_targets, scrape_configs

SIDECAR = "version: 1\ndescription: Does its work.\nowner: platform\nruntime: sidecar-metrics\n"
# Metrics at the port that callers use, at one of their own, and none.
AGENTS = {"plain": MINIMAL, "apart": SIDECAR, "talker": CHARACTER}
Target = dict[str, Any]


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Target]]:
    """What Prometheus scrapes; nobody answers there."""
    folder = tmp_path_factory.mktemp("scraping")
    pods = folder / "pods.json"
    monitor = pod_monitor({"name": "agents", "namespace": "business"})
    (folder / "prometheus.yaml").write_text(
        json.dumps({"scrape_configs": scrape_configs(monitor, pods, "1h")}), "utf-8"
    )
    pods.write_text(json.dumps([one for name in AGENTS for one in _discovered(name)]), "utf-8")
    files = [f"--config.file={folder / 'prometheus.yaml'}", f"--storage.tsdb.path={folder / 'data'}"]
    with served("prometheus", lambda at: [f"--web.listen-address={at}", *files], folder) as address:

        def ask() -> dict[str, list[Target]]:
            found: dict[str, list[Target]] = httpx.get(f"{address}/api/v1/targets", trust_env=False).json()["data"]
            return found

        everything = 2 * len(json.loads(pods.read_text("utf-8")))
        wait_until(lambda: sum(len(ask()[kind]) for kind in ("activeTargets", "droppedTargets")) == everything, str)
        yield ask()["activeTargets"]


def _discovered(name: str) -> Iterator[Target]:
    """A pod as Prometheus discovers it: a target for each of its ports, at the pod's address."""
    [deployment] = [one for one in agent_manifests(resolved(AGENTS[name], name=name)) if one["kind"] == "Deployment"]
    for one in pod_targets(deployment["spec"]["template"], "business", f"{name}-1-x", 0):
        yield one | {"targets": [f"{name}.pods:{one['labels']['__meta_kubernetes_pod_container_port_number']}"]}


def test_each_agent_that_has_metrics_is_scraped_once_at_its_own_port_and_path(targets: list[Target]) -> None:
    port = fleet({}).catalog.entries["runtimes"]["fastapi"].port
    assert sorted(one["scrapeUrl"] for one in targets) == [
        "http://apart.pods:9090/metrics",
        f"http://plain.pods:{port}/metrics",
    ]


def test_what_is_scraped_has_the_labels_by_which_rules_find_the_agent(targets: list[Target]) -> None:
    found = {one["labels"].pop("agent_id"): one["labels"] for one in targets}
    common = {"namespace": "business", "container": "agent", "job": "business/agents"}
    ports = {name: labels.pop("instance") for name, labels in found.items()}
    assert {name: at.partition(":")[0] for name, at in ports.items()} == {"plain": "plain.pods", "apart": "apart.pods"}
    assert found == {
        "plain": {**common, "pod": "plain-1-x", "owner": "growth", "endpoint": "http"},
        "apart": {**common, "pod": "apart-1-x", "owner": "platform", "endpoint": "metrics"},
    }
