"""The repository's own fleet, whatever it is, on a real API server: one cluster of the catalog after the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from api import Manifest, wait_until
from control_plane import ControlPlane
from programs import Applied, apply_program
from projects import REPOSITORY, sample_project
from state import endpoints, pods_of, pods_selected, settled, versions, wait_until_gone, wipe

from components.definition.places import agent_of
from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.stacks import Stack, all_stacks
from stacks.contents import Part, contents

FLEET = Fleet.open(WorkTree(REPOSITORY))
CONTEXTS = sorted({stack.context for stack in all_stacks(FLEET.catalog) if stack.context})
FILLED = {agent_of(path)[0] for path in FLEET.definitions}
pytestmark = pytest.mark.xdist_group("cluster")


@dataclass
class OnCluster:
    """The stacks of one context, applied once."""

    cluster: ControlPlane
    top: Path
    stacks: list[Stack]
    fleet: Fleet
    first: Applied

    def parts(self) -> Iterator[Part]:
        """The agents."""
        for stack in self.stacks:
            if stack.kind == "shard":
                yield from contents(self.fleet, stack).parts

    def expected(self) -> list[Manifest]:
        """Every object that the fleet renders for this cluster."""
        return [one for stack in self.stacks for part in contents(self.fleet, stack).parts for one in part.manifests]

    def again(self) -> Applied:
        """Applies all of it once more."""
        return apply_program(self.top, self.cluster.kubeconfig, *[stack.name for stack in self.stacks])


@pytest.fixture(scope="module", params=CONTEXTS)
def fleet(
    request: pytest.FixtureRequest, cluster: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OnCluster]:
    top = sample_project(tmp_path_factory.mktemp("fleet") / "project")
    stacks = [
        stack
        for stack in all_stacks(FLEET.catalog)
        if stack.context == request.param and (stack.kind != "shard" or stack.pool in FILLED)
    ]
    # With the records that this repository has not: images are built elsewhere.
    on = OnCluster(cluster, top, stacks, Fleet.open(WorkTree(top)), Applied())
    # Another context's stacks may have the same names.
    wait_until_gone(cluster.api, on.expected())
    on.first = on.again()
    yield on
    wipe(cluster.api, on.first.objects)


def test_every_object_is_admitted_and_every_rollout_completes(fleet: OnCluster) -> None:
    assert fleet.first.failures == []
    assert fleet.first.exit_code == 0, fleet.first.said
    assert fleet.first.finished == [stack.name for stack in fleet.stacks]
    assert (
        versions(fleet.cluster.api, fleet.expected()).keys() == versions(fleet.cluster.api, fleet.first.objects).keys()
    )


def test_every_agent_has_the_pods_that_it_asks_for(fleet: OnCluster) -> None:
    for part, deployment in _of_kind(fleet, "Deployment"):
        # Without a figure Kubernetes starts one pod, and an autoscaler that measures nothing goes to its minimum.
        scaler = next((one for one in part.manifests if one["kind"] == "HorizontalPodAutoscaler"), None)
        wanted = scaler["spec"]["minReplicas"] if scaler else deployment["spec"].get("replicas", 1)
        wait_until(
            f"{part.name} has {wanted} pods",
            lambda: len(pods_of(fleet.cluster.api, part.namespace, part.name)) == wanted,  # noqa: B023
        )


def test_autoscalers_count_the_agents_pods_and_no_others(fleet: OnCluster) -> None:
    api = fleet.cluster.api
    for part, scaler in [*_of_kind(fleet, "HorizontalPodAutoscaler"), *_of_kind(fleet, "ScaledObject")]:
        target = scaler["spec"]["scaleTargetRef"]["name"]
        scale = api.get(f"/apis/apps/v1/namespaces/{part.namespace}/deployments/{target}/scale")
        selected = pods_selected(api, part.namespace, scale["status"]["selector"])
        assert selected == pods_of(api, part.namespace, _deployment(part)), scaler["metadata"]
    for part, scaler in _of_kind(fleet, "HorizontalPodAutoscaler"):
        wait_until(f"the autoscaler of {part.name} finds its target", lambda: _able(api.get(api.path(scaler))))  # noqa: B023


def test_budgets_protect_the_agents_pods_and_no_others(fleet: OnCluster) -> None:
    api = fleet.cluster.api
    for part, budget in _of_kind(fleet, "PodDisruptionBudget"):
        labels = ",".join(f"{key}={value}" for key, value in budget["spec"]["selector"]["matchLabels"].items())
        pods = pods_of(api, part.namespace, _deployment(part))
        assert pods
        assert pods_selected(api, part.namespace, labels) == pods, budget["metadata"]
        wait_until(f"the budget of {part.name} counts its pods", lambda: _counts(api.get(api.path(budget)), len(pods)))  # noqa: B023


def test_services_lead_to_their_own_agent_only(fleet: OnCluster) -> None:
    api = fleet.cluster.api
    for part, service in _of_kind(fleet, "Service"):
        pods = pods_of(api, part.namespace, _deployment(part))
        name = service["metadata"]["name"]
        wait_until(f"{part.name} has its endpoints", lambda: endpoints(api, part.namespace, name) == pods)  # noqa: B023


def test_a_second_apply_changes_nothing_in_the_cluster(fleet: OnCluster) -> None:
    before = settled(fleet.cluster.api, fleet.first.objects)
    again = fleet.again()
    assert again.good, again.said
    assert versions(fleet.cluster.api, again.objects) == before


def _of_kind(fleet: OnCluster, kind: str) -> list[tuple[Part, Manifest]]:
    return [(part, one) for part in fleet.parts() for one in part.manifests if one["kind"] == kind]


def _deployment(part: Part) -> str:
    (found,) = [one["metadata"]["name"] for one in part.manifests if one["kind"] == "Deployment"]
    return str(found)


def _able(scaler: dict[str, Any]) -> bool:
    conditions = scaler.get("status", {}).get("conditions", [])
    return any(one["type"] == "AbleToScale" and one["status"] == "True" for one in conditions)


def _counts(budget: dict[str, Any], pods: int) -> bool:
    status = budget.get("status", {})
    return bool(status.get("observedGeneration") == budget["metadata"]["generation"] and status["expectedPods"] == pods)
