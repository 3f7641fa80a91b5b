"""Drift on a real API server: what was applied is no drift, whatever the server adds; what people change is told."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from api import Api, Manifest, wait_until
from control_plane import ControlPlane
from small_fleet import MINIMAL, resolved

from ci.cluster.client import Cluster, ClusterError, open_cluster
from ci.cluster.drift import Difference, drift
from ci.cluster.drift_report import as_json, as_markdown, as_text
from components.applied import Applied
from components.digest import objects_digest
from components.specs import agent_manifests

pytestmark = pytest.mark.xdist_group("cluster")

MANAGER = "pulumi-kubernetes-1a2b"
FIXED = MINIMAL + "scaling: {min: 1, max: 1}\n"
RICH = (
    MINIMAL
    + """\
env: {MODE: fast}
scaling: {min: 2, max: 6}
resources: {limits: {cpu: 1000m, memory: 1024Mi}}
"""
)


class Fleet:
    """Two agents, applied as Pulumi's provider does, in a namespace of their own."""

    def __init__(self, api: Api, opened: Cluster) -> None:
        self.api = api
        self.opened = opened
        self.namespace = f"drift-{secrets.token_hex(4)}"
        api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})
        self.records = {name: self._apply(name, text) for name, text in (("one", FIXED), ("rich", RICH))}

    def _apply(self, name: str, text: str) -> Applied:
        rendered = agent_manifests(resolved(text, name=name))
        for manifest in rendered:
            manifest["metadata"]["namespace"] = self.namespace
            self.api.apply(manifest, MANAGER)
        return Applied("c" * 40, objects_digest(rendered), tuple(rendered))

    def manifest(self, agent: str, kind: str) -> Manifest:
        return next(one for one in self.records[agent].manifests if one["kind"] == kind)

    def change(self, agent: str, kind: str, patch: Manifest, manager: str = "kubectl-edit") -> None:
        """A strategic merge patch, as kubectl makes it."""
        path = self.api.path(self.manifest(agent, kind))
        self.api.call("PATCH", path, patch, "application/strategic-merge-patch+json", fieldManager=manager)

    def differences(self) -> list[Difference]:
        return drift(self.opened, self.records)

    def only(self) -> Difference:
        [found] = self.differences()
        return found


@pytest.fixture
def fleet(cluster: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fleet]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    with open_cluster(cluster.contexts[0]) as opened:
        made = Fleet(cluster.api, opened)
        try:
            yield made
        finally:
            cluster.api.delete(f"/api/v1/namespaces/{made.namespace}")


def container(**fields: object) -> Manifest:
    return {"spec": {"template": {"spec": {"containers": [{"name": "agent", **fields}]}}}}


def test_what_was_applied_is_no_drift_whatever_the_server_and_its_controllers_add(fleet: Fleet) -> None:
    path = fleet.api.path(fleet.manifest("rich", "Deployment"))
    wait_until("its controller has written to it", lambda: fleet.api.get(path).get("status"))
    assert fleet.differences() == []
    assert as_text([]) == "The cluster is as it was applied last.\n"


def test_a_changed_field_is_told_with_both_values_and_who_changed_it(fleet: Fleet) -> None:
    fleet.change("one", "Deployment", container(image="nginx:evil"))
    found = fleet.only()
    assert (found.agent, found.kind, found.what) == ("one", "Deployment", "changed")
    assert found.path == "spec.template.spec.containers[agent].image"
    assert found.applied == fleet.manifest("one", "Deployment")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert found.live == "nginx:evil"
    assert found.owner
    assert (found.owner.manager, found.owner.operation) == ("kubectl-edit", "Update")
    assert found.owner.time.endswith("Z")


def test_the_same_amount_written_in_another_way_is_no_drift_another_amount_is(fleet: Fleet) -> None:
    fleet.change("rich", "Deployment", container(resources={"limits": {"cpu": "1", "memory": "1Gi"}}))
    assert fleet.differences() == []
    fleet.change("rich", "Deployment", container(resources={"limits": {"cpu": "2"}}))
    assert (fleet.only().path.rpartition(".")[2], fleet.only().live) == ("cpu", "2")


def test_an_element_of_a_list_is_found_by_its_name(fleet: Fleet) -> None:
    fleet.change("rich", "Deployment", container(env=[{"name": "MODE", "value": "slow"}]), "kubectl-set")
    found = fleet.only()
    assert found.path == "spec.template.spec.containers[agent].env[MODE].value"
    assert (found.applied, found.live) == ("fast", "slow")
    assert found.owner
    assert found.owner.manager == "kubectl-set"


def test_what_somebody_added_is_told_and_its_secret_is_not(fleet: Fleet) -> None:
    added = [{"name": "EXTRA", "value": "1"}, {"name": "DB_PASSWORD", "value": "hunter2"}]
    pod = {"spec": {"template": {"spec": {"hostNetwork": True}}}}
    fleet.change("one", "Deployment", container(env=added))
    fleet.change("one", "Deployment", pod)
    found = {one.path: one for one in fleet.differences()}
    prefix = "spec.template.spec."
    assert set(found) == {
        f"{prefix}containers[agent].env[EXTRA]",
        f"{prefix}containers[agent].env[DB_PASSWORD]",
        f"{prefix}hostNetwork",
    }
    assert {one.what for one in found.values()} == {"added"}
    reports = as_text([*found.values()]) + as_markdown([*found.values()]) + as_json([*found.values()])
    assert "hunter2" not in reports
    assert "hostNetwork" in reports


def test_a_field_that_was_removed_is_told(fleet: Fleet) -> None:
    fleet.change("rich", "Deployment", container(env=[{"name": "MODE", "$patch": "delete"}]))
    found = fleet.only()
    assert (found.what, found.path.endswith("env[MODE]"), found.live) == ("removed", True, None)


def test_a_scale_by_hand_is_told_as_such(fleet: Fleet) -> None:
    path = fleet.api.path(fleet.manifest("one", "Deployment"))
    fleet.api.merge(f"{path}/scale", {"spec": {"replicas": 9}}, "kubectl")
    found = fleet.only()
    assert (found.path, found.live) == ("spec.replicas", "9")
    assert found.owner
    assert (found.owner.manager, found.owner.subresource) == ("kubectl", "scale")


def test_the_replicas_that_an_autoscaler_sets_are_no_drift(fleet: Fleet) -> None:
    path = fleet.api.path(fleet.manifest("rich", "Deployment"))
    fleet.api.merge(f"{path}/scale", {"spec": {"replicas": 4}}, "kube-controller-manager")
    assert fleet.api.get(path)["spec"]["replicas"] == 4
    assert fleet.differences() == []


def test_a_restart_by_hand_is_no_drift(fleet: Fleet) -> None:
    note = {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}}
    fleet.change("one", "Deployment", {"spec": {"template": {"metadata": note}}}, "kubectl-rollout")
    assert fleet.differences() == []


def test_an_object_that_is_gone_is_missing(fleet: Fleet) -> None:
    fleet.api.delete(fleet.api.path(fleet.manifest("one", "NetworkPolicy")))
    found = fleet.only()
    assert (found.what, found.kind, found.name) == ("missing", "NetworkPolicy", "one")


def test_an_object_of_roster_that_no_record_explains_is_told_with_its_maker(fleet: Fleet) -> None:
    del fleet.records["one"]
    found = fleet.differences()
    assert {one.what for one in found} == {"unexplained"}
    assert {"Deployment", "Service", "ConfigMap"} <= {one.kind for one in found}
    assert {one.owner.manager for one in found if one.owner} == {MANAGER}
    # Not the ReplicaSets and Pods, which bear the labels too; and nothing where not all records were given.
    assert not {"ReplicaSet", "Pod", "EndpointSlice"} & {one.kind for one in found}
    assert drift(fleet.opened, fleet.records, namespaces=[]) == []


def test_what_a_controller_makes_from_an_object_of_roster_needs_no_record(fleet: Fleet) -> None:
    deployment = fleet.api.get(fleet.api.path(fleet.manifest("one", "Deployment")))["metadata"]
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "one", "uid": deployment["uid"], "controller": True}
    meta = {"name": "made", "namespace": fleet.namespace, "labels": deployment["labels"]}
    made = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta | {"ownerReferences": [owner]}}
    fleet.api.create(made)
    assert fleet.differences() == []


def test_reports_are_by_agent_and_hold_no_markup_of_the_clusters(fleet: Fleet) -> None:
    fleet.change("one", "Deployment", container(image="a|b`c`<img>@everyone"))
    found = fleet.differences()
    assert as_text(found).startswith("1 agent differs from what was applied last.\n\none\n  Deployment ")
    row = next(line for line in as_markdown(found).splitlines() if "everyone" in line)
    assert "`` a¦b`c`<img>@everyone ``" in row
    assert json.loads(as_json(found))[0]["owner"]["manager"] == "kubectl-edit"


def test_another_cluster_than_the_catalog_means_is_refused(
    cluster: ControlPlane, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    uid = cluster.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    open_cluster(cluster.contexts[0], uid).close()
    with pytest.raises(ClusterError, match="another cluster") as caught:
        open_cluster(cluster.contexts[0], "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f")
    assert caught.value.kind == "wrong-cluster"


def test_credentials_that_are_not_accepted_are_told_as_such(
    cluster: ControlPlane, fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    expired = cluster.folder / "expired"
    expired.write_text(cluster.kubeconfig.read_text("utf-8").replace(cluster.token, "expired"), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(expired))
    with pytest.raises(ClusterError, match="401") as caught:
        open_cluster(cluster.contexts[0])
    assert caught.value.kind == "credentials"
