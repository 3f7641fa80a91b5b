"""What goes wrong between the program and the cluster: the right error, and a second run that converges."""

from __future__ import annotations

from pathlib import Path

import pytest
from api import ApiError, Manifest, wait_until
from control_plane import ControlPlane
from fault_proxy import Fault, FaultProxy
from programs import Applied, apply_program, start_program
from state import pods_of, versions
from trial_fleets import AGENTS, PLATFORM, POOL, SHARD, namespace, trial_project
from webhook import NAME, refusing

from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.resources.order import describe
from components.stacks import parse_stack
from stacks.contents import contents

pytestmark = pytest.mark.xdist_group("cluster")

DEPLOYMENT = "/apis/apps/v1/namespaces/{}/deployments/{}"


def pool_applied(cluster: ControlPlane, tmp_path: Path, suffix: str) -> Path:
    """A project whose pool is in the cluster, and none of its agents yet."""
    top = trial_project(tmp_path, suffix)
    applied = apply_program(top, cluster.kubeconfig, PLATFORM, POOL)
    assert applied.good, applied.said
    return top


def wanted(top: Path) -> set[str]:
    """Every object of the shard, in words."""
    fleet = Fleet.open(WorkTree(top))
    held = contents(fleet, parse_stack(SHARD, fleet.catalog))
    return {describe(one) for part in held.parts for one in part.manifests}


def converges(cluster: ControlPlane, top: Path, before: Applied) -> None:
    """A second run, which knows no more than the first one left, brings the whole shard about."""
    again = apply_program(top, cluster.kubeconfig, SHARD, previous=before.outputs)
    assert again.good, again.said
    assert versions(cluster.api, again.objects).keys() == wanted(top)


@pytest.mark.parametrize("kind", ["ConfigMap", "Deployment"])
def test_an_api_server_killed_and_restarted_in_the_middle_of_an_apply(
    cluster: ControlPlane, tmp_path: Path, kind: str
) -> None:
    top = pool_applied(cluster, tmp_path, f"killed-{kind.lower()}")
    running = start_program(top, cluster.kubeconfig, SHARD, stop_after=kind)
    try:
        running.wait_for(f"a {kind} is applied", lambda so_far: bool(so_far.names(kind)))
        cluster.kill_api_server()
        running.go_on()
        running.wait_for("it fails", lambda so_far: bool(so_far.failures))
    finally:
        cluster.start_api_server()
    first = running.end()
    assert first.exit_code == 1
    assert first.failures
    assert all("Unreachable" in one for one in first.failures), first.failures
    done = {describe(one) for one in first.objects}
    assert done < wanted(top)
    # What the run reported as applied was written: SIGKILL takes nothing back.
    assert versions(cluster.api, first.objects).keys() == done
    converges(cluster, top, first)


def test_a_throttled_run_waits_as_it_is_told_and_succeeds(cluster: ControlPlane, tmp_path: Path) -> None:
    top = pool_applied(cluster, tmp_path, "throttled")
    with FaultProxy(cluster).running() as proxy:
        throttle = Fault("PATCH", "/", 429, "TooManyRequests", headers={"Retry-After": "1"}, times=4)
        proxy.faults.append(throttle)
        applied = apply_program(top, proxy.kubeconfig, SHARD)
    assert throttle.seen == 4
    assert applied.good, applied.said


@pytest.mark.parametrize(("status", "reason"), [(429, "TooManyRequests"), (500, "InternalError")])
def test_an_api_server_that_answers_with_errors(
    cluster: ControlPlane, tmp_path: Path, status: int, reason: str
) -> None:
    top = pool_applied(cluster, tmp_path, f"answers-{status}")
    with FaultProxy(cluster).running() as proxy:
        proxy.faults.append(Fault("PATCH", "/deployments/other", status, reason))
        first = apply_program(top, proxy.kubeconfig, SHARD, continue_on_error=True)
    space = namespace(f"answers-{status}")
    assert first.failures == [f"Deployment {space}/other: {reason}: the server says {status}"]
    # Nothing that waits for the Deployment was tried, and the other agents were served.
    assert first.names("Service") == ["plain", "twins"]
    converges(cluster, top, first)


def test_an_answer_that_does_not_come_in_time(cluster: ControlPlane, tmp_path: Path) -> None:
    top, space = pool_applied(cluster, tmp_path, "late"), namespace("late")
    with FaultProxy(cluster).running() as proxy:
        proxy.faults.append(Fault("PATCH", "/deployments/other", late_seconds=4))
        first = apply_program(top, proxy.kubeconfig, SHARD, request_seconds=2, continue_on_error=True)
    path = DEPLOYMENT.format(space, "other")
    assert first.failures == [f"Deployment {space}/other: Timeout: no answer to PATCH {path}"]
    # The server had done it: the second run finds an object that the first one does not know of.
    uid = cluster.api.get(path)["metadata"]["uid"]
    converges(cluster, top, first)
    assert cluster.api.get(path)["metadata"]["uid"] == uid


def test_somebody_else_owns_a_field(cluster: ControlPlane, tmp_path: Path) -> None:
    top, space = pool_applied(cluster, tmp_path, "owned"), namespace("owned")
    first = apply_program(top, cluster.kubeconfig, SHARD)
    assert first.good, first.said
    path = DEPLOYMENT.format(space, "twins")
    cluster.api.merge(path, {"spec": {"replicas": 3}}, manager="kubectl-scale")
    second = apply_program(top, cluster.kubeconfig, SHARD, previous=first.outputs, continue_on_error=True)
    (failure,) = second.failures
    assert failure.startswith(f"Deployment {space}/twins: Conflict: ")
    assert 'conflict with "kubectl-scale"' in failure
    assert ".spec.replicas" in failure
    assert cluster.api.get(path)["spec"]["replicas"] == 3
    cluster.api.merge(path, {"spec": {"replicas": 2}}, manager="kubectl-scale")
    converges(cluster, top, second)


def test_a_full_quota(cluster: ControlPlane, tmp_path: Path) -> None:
    top, space = pool_applied(cluster, tmp_path, "quota"), namespace("quota")
    quota: Manifest = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "one-pod-only", "namespace": space},
        "spec": {"hard": {"pods": "1"}},
    }
    path = cluster.api.path(quota)
    cluster.api.create(quota)
    wait_until("the quota counts", lambda: cluster.api.get(path).get("status", {}).get("used"))
    first = apply_program(top, cluster.kubeconfig, SHARD, wait_seconds=8, continue_on_error=True)
    failed = {one.partition(":")[0] for one in first.failures}
    # One pod fits: that of an agent with one, or half of an agent with two.
    assert failed <= {f"Deployment {space}/{name}" for name in AGENTS}
    assert len(failed) >= 2
    for failure in first.failures:
        assert "not ready after 8 s" in failure
        assert "exceeded quota: one-pod-only" in failure
    assert sum(len(pods_of(cluster.api, space, name)) for name in AGENTS) == 1
    cluster.api.delete(path)
    converges(cluster, top, first)


def test_a_webhook_that_refuses_one_agent(cluster: ControlPlane, tmp_path: Path) -> None:
    top, space = pool_applied(cluster, tmp_path, "webhook"), namespace("webhook")
    with refusing(cluster, space, "other", "the image is not signed"):
        first = apply_program(top, cluster.kubeconfig, SHARD, continue_on_error=True)
    (failure,) = first.failures
    assert failure.startswith(f"Deployment {space}/other: ")
    assert f'admission webhook "{NAME}" denied the request: the image is not signed' in failure
    with pytest.raises(ApiError, match="not found"):
        cluster.api.get(DEPLOYMENT.format(space, "other"))
    assert first.names("Deployment") == ["plain", "twins"]
    # An agent of which something failed leaves no digest: it was not applied.
    said = {urn.rpartition("::")[2] for urn, one in first.outputs.items() if one["outputs"].get("digest")}
    assert said == {"plain", "twins"}
    converges(cluster, top, first)


def test_a_context_that_the_kubeconfig_does_not_have(cluster: ControlPlane, tmp_path: Path) -> None:
    top = trial_project(tmp_path, "context")
    environments = top / "agents/catalog/environments.yaml"
    environments.write_text(environments.read_text("utf-8").replace("context: nonprod", "context: elsewhere"), "utf-8")
    applied = apply_program(top, cluster.kubeconfig, POOL)
    assert applied.exit_code == 1
    assert "context 'elsewhere' does not exist" in applied.said
    assert applied.objects == []
    assert not cluster.api.exists(f"/api/v1/namespaces/{namespace('context')}")
