"""What the end-to-end test's exporters serve has the names that the real ones were captured with."""

from __future__ import annotations

import pytest
from captures import captured, samples
from cluster_state import PodState, Workload, cadvisor, kube_state_metrics
from other_exporters import PATHS, text
from small_fleet import MINIMAL, fleet, resolved

from components.specs import agent_manifests, pool_manifests

OF_EXPORTER = {
    "external-secrets": "external_secrets",
    "agents-postgres-exporter": "postgres",
    "platform-redis-exporter": "redis",
    "pushgateway": "pushgateway",
}


def names(found: str) -> set[tuple[str, frozenset[str]]]:
    """Name and label names of each line."""
    return {(one.name, frozenset(name for name, _ in one.labels)) for one in samples(found)}


def known(exporter: str) -> set[tuple[str, frozenset[str]]]:
    """Those of a capture."""
    return {(one.name, frozenset(name for name, _ in one.labels)) for one in captured(exporter)}


@pytest.fixture
def world() -> tuple[list[Workload], list[dict[str, object]]]:
    objects = [*pool_manifests("business", "prod", fleet({}).catalog), *agent_manifests(resolved(MINIMAL))]
    [deployment] = [one for one in objects if one["kind"] == "Deployment"]
    return [Workload(deployment, 1, [PodState("sample-1-x")])], objects


def test_kube_state_metrics(world: tuple[list[Workload], list[dict[str, object]]]) -> None:
    assert names(kube_state_metrics(*world)) - known("kube_state_metrics") == set()


def test_cadvisor(world: tuple[list[Workload], list[dict[str, object]]]) -> None:
    lines = [line.rpartition(" ")[0] for line in cadvisor(world[0]).splitlines()]
    assert names("\n".join(lines) + "\n") - known("cadvisor") == set()


@pytest.mark.parametrize("job", PATHS)
def test_another_exporter(job: str, world: tuple[list[Workload], list[dict[str, object]]]) -> None:
    found = names(text(PATHS[job], world[1], ["prod"]) or "")
    # What CI pushes is the product's own.
    assert {one for one in found if not one[0].startswith("roster_")} - known(OF_EXPORTER[job]) == set()
