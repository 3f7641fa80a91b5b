"""Pod Security, quotas and limits of pools' namespaces on a real API server: what is rendered gets in, what harms not.

The sample fleet's own objects and rollouts are tried in test_fleet_on_a_cluster.py; here are the golden cases, and what
somebody with the right to create things would try.
"""

from __future__ import annotations

import copy
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from api import Api, ApiError, Manifest, wait_until
from control_plane import ControlPlane
from projects import REPOSITORY
from small_fleet import MINIMAL, TODAY, fleet, manifests, one
from state import pods_of

from components.definition.tree import WorkTree
from components.fleet import Fleet
from components.specs import platform_manifests, pool_manifests
from policies.judge import Policies
from policies.rule import Subject

pytestmark = pytest.mark.xdist_group("cluster")

CASES = sorted((Path(__file__).parents[1] / "cases").glob("*/expected*.yaml"))
SAMPLE = Fleet.open(WorkTree(REPOSITORY)).catalog
POOLS = [(pool, name) for pool in SAMPLE.pools for name in SAMPLE.pool_environments(pool)]


@dataclass
class Namespaces:
    """Namespaces as pools have them, under names that nobody else uses; `suffix` stands behind each."""

    api: Api
    suffix: str = field(default_factory=lambda: f"-{secrets.token_hex(3)}")
    made: list[Manifest] = field(default_factory=list)

    def apply(self, manifest: Manifest) -> Manifest:
        """Applies it where nothing else is."""
        moved = self.moved(manifest)
        if moved["kind"] in ("Namespace", "PriorityClass"):
            self.made.append(moved)
        return self.api.apply(moved, "roster")

    def moved(self, manifest: Manifest) -> Manifest:
        """The manifest with the suffix behind the names that are its namespace's or the whole cluster's."""
        moved = copy.deepcopy(manifest)
        meta = moved["metadata"]
        if "namespace" in meta:
            meta["namespace"] += self.suffix
        else:
            meta["name"] += self.suffix
        if moved["kind"] == "Deployment":
            moved["spec"]["template"]["spec"]["priorityClassName"] += self.suffix
        return moved

    def wipe(self) -> None:
        """Asks for the removal of all of it."""
        for manifest in self.made:
            self.api.delete(self.api.path(manifest))


@pytest.fixture(scope="module")
def cases(cluster: ControlPlane) -> Iterator[tuple[Namespaces, list[Manifest]]]:
    """The objects of all golden cases, in namespaces as the fixture catalog's pools have them."""
    spaces = Namespaces(cluster.api)
    opened = fleet({})
    for environment in opened.catalog.environments:
        for manifest in platform_manifests(environment, opened.catalog):
            if manifest["kind"] == "PriorityClass":
                spaces.apply(manifest)
    found = [manifest for path in CASES for manifest in yaml.safe_load_all(path.read_text("utf-8"))]
    for namespace in sorted({manifest["metadata"]["namespace"] for manifest in found}):
        for manifest in pool_manifests("business", "prod", opened.catalog):
            placed = copy.deepcopy(manifest)
            placed["metadata"]["name" if placed["kind"] == "Namespace" else "namespace"] = namespace
            spaces.apply(placed)
    yield spaces, found
    spaces.wipe()


def test_every_object_of_every_case_gets_in_and_so_do_the_pods_that_controllers_make(
    cases: tuple[Namespaces, list[Manifest]],
) -> None:
    spaces, found = cases
    applied = [spaces.apply(manifest) for manifest in found]
    running = [one for one in applied if one["kind"] == "Deployment" and one["spec"]["replicas"]]
    assert running
    for deployment in running:
        name, namespace = deployment["metadata"]["name"], deployment["metadata"]["namespace"]
        wait_until(f"{name} has pods", lambda: pods_of(spaces.api, namespace, name))  # noqa: B023
    for namespace in {manifest["metadata"]["namespace"] for manifest in applied}:
        events = spaces.api.items(f"/api/v1/namespaces/{namespace}/events", fieldSelector="reason=FailedCreate")
        assert [event["message"] for event in events] == []


@pytest.fixture(scope="module")
def pools(cluster: ControlPlane) -> Iterator[Namespaces]:
    """The own objects of the repository's pools, in all environments."""
    spaces = Namespaces(cluster.api)
    for pool, environment in POOLS:
        for manifest in pool_manifests(pool, environment, SAMPLE):
            spaces.apply(manifest)
    for pool, environment in POOLS:
        path = f"/api/v1/namespaces/{namespace_of(spaces, pool, environment)}/resourcequotas/pool"
        wait_until("the quota is counted", lambda: spaces.api.get(path).get("status", {}).get("used"))  # noqa: B023
    yield spaces
    spaces.wipe()


def namespace_of(spaces: Namespaces, pool: str, environment: str) -> str:
    """The namespace of a pool in an environment."""
    made = one(pool_manifests(pool, environment, SAMPLE), "Namespace")
    return str(made["metadata"]["name"]) + spaces.suffix


def agents_pod(namespace: str) -> Manifest:
    """A pod as an agent has it, which is let in."""
    template = copy.deepcopy(one(manifests(MINIMAL), "Deployment")["spec"]["template"])
    template["spec"].pop("priorityClassName")
    template["spec"]["serviceAccountName"] = "default"
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"try-{secrets.token_hex(4)}",
            "namespace": namespace,
            "labels": template["metadata"]["labels"],
        },
        "spec": template["spec"],
    }


def answer(api: Api, manifest: Manifest) -> str:
    """Why the object may not be made; empty when it may. Nothing is made."""
    try:
        api.call("POST", api.path(manifest).rpartition("/")[0], manifest, dryRun="All")
    except ApiError as error:
        return f"{error.status} {error}"
    return ""


Change = Callable[[dict[str, Any], dict[str, Any]], object]


def _container(**settings: Any) -> Change:
    return lambda _, container: container["securityContext"].update(settings)


def _pod(**settings: Any) -> Change:
    return lambda spec, _: spec["securityContext"].update(settings)


def _added(spec: dict[str, Any], container: dict[str, Any]) -> object:
    own = {**container, "name": "own", "securityContext": {**container["securityContext"], "privileged": True}}
    own["securityContext"]["allowPrivilegeEscalation"] = True
    return spec.update(initContainers=[{key: own[key] for key in ("name", "image", "securityContext")}])


def _unmasked(spec: dict[str, Any], container: dict[str, Any]) -> object:
    # Kubernetes takes it from nobody else.
    spec["hostUsers"] = False
    return container["securityContext"].update(procMount="Unmasked")


# What somebody would try: in words → what is changed in an agent's pod, and what Pod Security says of it.
HARMS: dict[str, tuple[Change, str]] = {
    "a privileged container": (_container(privileged=True, allowPrivilegeEscalation=True), "privileged"),
    "a privileged container that starts before": (_added, 'container "own" must not set securityContext.privileged'),
    "the node's network": (lambda spec, _: spec.update(hostNetwork=True), "host namespaces (hostNetwork=true)"),
    "the node's processes": (lambda spec, _: spec.update(hostPID=True), "host namespaces (hostPID=true)"),
    "the node's memory": (lambda spec, _: spec.update(hostIPC=True), "host namespaces (hostIPC=true)"),
    "the node's disk": (
        lambda spec, _: spec["volumes"].append({"name": "node", "hostPath": {"path": "/"}}),
        'restricted volume types (volume "node" uses restricted volume type "hostPath")',
    ),
    "the node's port": (lambda _, container: container["ports"][0].update(hostPort=8080), "hostPort"),
    "root": (_pod(runAsUser=0), "runAsUser=0"),
    "root by the container": (_container(runAsUser=0), "runAsUser=0"),
    "whoever the image says, root too": (_pod(runAsNonRoot=False), "runAsNonRoot != true"),
    "more rights than it began with": (_container(allowPrivilegeEscalation=True), "allowPrivilegeEscalation != false"),
    "a capability": (_container(capabilities={"drop": ["ALL"], "add": ["NET_ADMIN"]}), "unrestricted capabilities"),
    "the usual capabilities": (_container(capabilities={}), "unrestricted capabilities"),
    "no seccomp": (lambda spec, _: spec["securityContext"].pop("seccompProfile"), "seccompProfile"),
    "seccomp switched off": (_pod(seccompProfile={"type": "Unconfined"}), "seccompProfile"),
    "AppArmor switched off": (_pod(appArmorProfile={"type": "Unconfined"}), "forbidden AppArmor profile"),
    "another SELinux user": (_pod(seLinuxOptions={"user": "system_u"}), "seLinuxOptions"),
    "a setting of the node's kernel": (_pod(sysctls=[{"name": "kernel.msgmax", "value": "1"}]), "forbidden sysctls"),
    "all of /proc": (_unmasked, "procMount"),
}


@pytest.mark.parametrize(("pool", "environment"), POOLS)
def test_no_pool_lets_in_a_pod_that_could_harm_its_node(pools: Namespaces, pool: str, environment: str) -> None:
    namespace = namespace_of(pools, pool, environment)
    assert answer(pools.api, agents_pod(namespace)) == "", "the pod that the others are made of is let in"
    for what, (change, said) in HARMS.items():
        pod = agents_pod(namespace)
        change(pod["spec"], pod["spec"]["containers"][0])
        why = answer(pools.api, pod)
        assert why.startswith("403"), f"{what}: {why or 'let in'}"
        assert 'violates PodSecurity "restricted:' in why, what
        assert said in why, what


def test_root_that_is_nobody_on_its_node_is_let_in_so_policies_refuse_it_before(pools: Namespaces) -> None:
    """Since Kubernetes knows namespaces of users, Pod Security lets root be root in one."""
    pod = agents_pod(namespace_of(pools, *POOLS[0]))
    mapped = {"runAsUser": 0, "runAsNonRoot": False}
    pod["spec"] |= {"hostUsers": False, "securityContext": {**pod["spec"]["securityContext"], **mapped}}
    assert answer(pools.api, pod) == ""
    deployment = one(manifests(MINIMAL), "Deployment")
    assert not _said_of_root(deployment)
    deployment["spec"]["template"]["spec"] = pod["spec"]
    assert _said_of_root(deployment)


def _said_of_root(deployment: Manifest) -> list[str]:
    broken = Policies({}, TODAY).judge([deployment], Subject())
    return [found.message for found in broken if found.rule.id in ("pod-non-root", "pod-user-not-root")]


def test_a_running_pod_takes_no_container_with_privileges(pools: Namespaces) -> None:
    namespace = namespace_of(pools, *POOLS[0])
    pod = pools.api.create(agents_pod(namespace))
    path = f"{pools.api.path(pod)}/ephemeralcontainers"
    own = {"name": "debug", "image": "debug", "securityContext": {"privileged": True}}
    with pytest.raises(ApiError, match="violates PodSecurity") as refused:
        pools.api.call(
            "PATCH",
            path,
            {"spec": {"ephemeralContainers": [own]}},
            "application/strategic-merge-patch+json",
            dryRun="All",
        )
    assert refused.value.status == 403


def test_a_deployment_of_harmful_pods_never_gets_one(pools: Namespaces) -> None:
    namespace = namespace_of(pools, *POOLS[0])
    made = copy.deepcopy(one(manifests(MINIMAL), "Deployment"))
    made["metadata"] = {"name": "harmful", "namespace": namespace}
    made["spec"]["template"]["spec"].pop("priorityClassName")
    made["spec"]["template"]["spec"] |= {"hostNetwork": True, "serviceAccountName": "default"}
    pools.api.create(made)
    path = f"/api/v1/namespaces/{namespace}/events"
    events = wait_until(
        "its controller is told", lambda: pools.api.items(path, fieldSelector="reason=FailedCreate"), seconds=30
    )
    assert all('violates PodSecurity "restricted' in one["message"] for one in events)
    assert not pods_of(pools.api, namespace, "harmful")


@pytest.mark.parametrize("kind", ["LoadBalancer", "NodePort"])
@pytest.mark.parametrize(("pool", "environment"), POOLS)
def test_no_pool_has_a_way_in_past_the_gateway(pools: Namespaces, pool: str, environment: str, kind: str) -> None:
    service: Manifest = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "own", "namespace": namespace_of(pools, pool, environment)},
        "spec": {"selector": {"role": "agent"}, "ports": [{"port": 80}]},
    }
    assert answer(pools.api, service) == ""
    service["spec"]["type"] = kind
    why = answer(pools.api, service)
    assert why.startswith("403"), why or "let in"
    assert "exceeded quota: pool" in why


def test_an_agents_service_cannot_become_a_way_in_past_the_gateway(pools: Namespaces) -> None:
    service = one(manifests(MINIMAL), "Service")
    service = {**service, "metadata": {"name": "own", "namespace": namespace_of(pools, *POOLS[0])}}
    path = pools.api.path(pools.api.create(service))
    with pytest.raises(ApiError, match="exceeded quota: pool"):
        pools.api.merge(path, {"spec": {"type": "NodePort"}})


def test_a_pod_that_nobody_rendered_gets_in_but_has_limits_no_token_and_no_way_out(pools: Namespaces) -> None:
    """Whoever may create pods may create these: images are the next wall (image admission), the network the last."""
    namespace = namespace_of(pools, *POOLS[0])
    pod = agents_pod(namespace)
    pod["metadata"]["labels"] = {}
    container = pod["spec"]["containers"][0]
    pod["spec"] = {
        "securityContext": pod["spec"]["securityContext"],
        "containers": [{key: container[key] for key in ("name", "image", "securityContext")}],
    }
    made = pools.api.call("POST", f"/api/v1/namespaces/{namespace}/pods", pod, dryRun="All")
    assert not made["spec"].get("volumes")
    assert {"cpu", "memory", "ephemeral-storage"} <= made["spec"]["containers"][0]["resources"]["limits"].keys()
    walls = pools.api.items(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies")
    assert [wall["spec"] for wall in walls] == [{"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}]
