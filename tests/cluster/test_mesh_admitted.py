"""A pool in a mesh on a real API server: Istio's CRDs take all objects, pods with sidecars fit the pool's limits."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
import yaml
from api import Api, ApiError, Manifest, wait_until
from control_plane import ControlPlane
from small_fleet import MINIMAL, catalog_files, fleet, one

from components.facts import Facts
from components.specs import agent_manifests, platform_manifests, pool_manifests

pytestmark = pytest.mark.xdist_group("cluster")

MESH = {
    "kind": "istio",
    "gateway_account": "gateway/public-istio",
    "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
    "revision": "stable",
}
FILES = {
    "business/served.yaml": f"{MINIMAL}exposure: {{callers: [gateway, business/asker, 'support/*']}}\n",
    "business/asker.yaml": f"{MINIMAL}calls: [business/served]\n",
    "business/measured.yaml": f"{MINIMAL}metrics: {{path: /own, port: 9200}}\n",
    "business/stopped.yaml": f"{MINIMAL}suspended: true\n",
}


class Meshed:
    """The pool `business` of such an environment, in a namespace of its own."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.suffix = f"-m{secrets.token_hex(4)}"
        entries = yaml.safe_load(catalog_files()["catalog/environments.yaml"])
        entries["prod"] |= {"namespace_suffix": self.suffix, "network": {"mesh": deepcopy(MESH)}}
        self.fleet = fleet(FILES, {"environments.yaml": yaml.safe_dump(entries, sort_keys=False)})
        self.namespace = f"business{self.suffix}"
        self.pool = pool_manifests("business", "prod", self.fleet.catalog)
        platform = platform_manifests("prod", self.fleet.catalog)
        self.priorities = [one for one in platform if one["kind"] == "PriorityClass"]

    def agents(self) -> dict[str, list[Manifest]]:
        """The objects of each agent."""
        found = {}
        for path in self.fleet.definitions:
            agent = self.fleet.examine(path, ["prod"]).resolved["prod"]
            found[agent.name] = agent_manifests(agent)
        return found

    def facts(self) -> list[Facts]:
        """What the plan reckons with."""
        return [fact for path in self.fleet.definitions for fact in self.fleet.examine(path, ["prod"]).facts()]

    def pod(self, name: str) -> Manifest:
        """A pod of the agent's, as the API server gets it from istiod's webhook."""
        template = deepcopy(one(self.agents()[name], "Deployment")["spec"]["template"])
        template["metadata"] |= {"name": f"{name}-{secrets.token_hex(4)}", "namespace": self.namespace}
        asked = template["metadata"]["annotations"]
        resources = {
            part: {
                of: asked[f"sidecar.istio.io/proxy{of.upper() if of == 'cpu' else 'Memory'}{suffix}"] for of in amounts
            }
            for part, suffix, amounts in (("requests", "", ("cpu", "memory")), ("limits", "Limit", ("cpu", "memory")))
        }
        template["spec"]["initContainers"] = [
            _sidecar("istio-validation", resources),
            _sidecar("istio-proxy", resources),
        ]
        template["spec"]["initContainers"][1]["restartPolicy"] = "Always"
        return {"apiVersion": "v1", "kind": "Pod", **template}


def _sidecar(name: str, resources: dict[str, Any]) -> Manifest:
    """As Istio 1.31 injects it where its CNI plugin sets up the redirection (`injection-template.yaml`)."""
    return {
        "name": name,
        "image": "docker.io/istio/proxyv2:1.31.1",
        "resources": resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "privileged": False,
            "readOnlyRootFilesystem": True,
            "runAsGroup": 1337,
            "runAsNonRoot": True,
            "runAsUser": 1337,
        },
    }


@pytest.fixture(scope="module")
def meshed(cluster: ControlPlane) -> Iterator[Meshed]:
    yield from _made(cluster.api)


@pytest.fixture
def quiet(cluster: ControlPlane) -> Iterator[Meshed]:
    """Another one, in which no controller makes pods: nothing else is counted."""
    yield from _made(cluster.api)


def _made(api: Api) -> Iterator[Meshed]:
    found = Meshed(api)
    for manifest in [*found.priorities, *found.pool]:
        api.apply(manifest, "roster")
    yield found
    for manifest in [*found.pool[:1], *found.priorities]:
        api.delete(api.path(manifest))


def test_every_object_of_a_pool_and_its_agents_is_admitted(meshed: Meshed) -> None:
    applied = [meshed.api.apply(manifest, "roster") for objects in meshed.agents().values() for manifest in objects]
    kinds = [manifest["kind"] for manifest in applied]
    assert kinds.count("AuthorizationPolicy") == len(FILES)
    # All but the one that is stopped; the pool's own came before.
    assert kinds.count("PeerAuthentication") == len(FILES) - 1


def test_applying_again_changes_nothing(meshed: Meshed) -> None:
    objects = [
        manifest
        for manifest in [*meshed.pool, *(one for objects in meshed.agents().values() for one in objects)]
        if manifest["apiVersion"].startswith("security.istio.io") or manifest["kind"] == "NetworkPolicy"
    ]
    first = [meshed.api.apply(manifest, "roster")["metadata"]["resourceVersion"] for manifest in objects]
    again = [meshed.api.apply(manifest, "roster")["metadata"]["resourceVersion"] for manifest in objects]
    assert first == again


def test_istios_namespace_label_is_there(meshed: Meshed) -> None:
    labels = meshed.api.get(f"/api/v1/namespaces/{meshed.namespace}")["metadata"]["labels"]
    assert labels["istio.io/rev"] == "stable"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_pod_with_its_sidecar_is_admitted_and_counted(quiet: Meshed) -> None:
    for manifest in quiet.agents()["served"]:
        if manifest["kind"] == "ServiceAccount":
            quiet.api.apply(manifest, "roster")
    pod = quiet.api.create(quiet.pod("served"))
    for container in pod["spec"]["initContainers"]:
        # The pool's LimitRange would have filled in what is missing, with other figures.
        assert container["resources"]["requests"]["cpu"] == "100m"
        assert container["resources"]["limits"]["memory"] == "256Mi"
    quota = f"/api/v1/namespaces/{quiet.namespace}/resourcequotas/pool"
    # 250m of the agent and 100m of its sidecar; what only validates has ended by then.
    wait_until("the quota counts both", lambda: quiet.api.get(quota)["status"]["used"]["requests.cpu"] == "350m")
    (known,) = [one for one in quiet.facts() if one.name == "served"]
    assert known.cpu_request == 0.35
    quiet.api.delete(quiet.api.path(pod))


def test_a_sidecar_that_sets_up_the_redirection_itself_is_refused(meshed: Meshed) -> None:
    """Hence Istio's CNI plugin: without it the init container needs what Pod Security keeps out."""
    pod = meshed.pod("served")
    pod["spec"]["initContainers"][0]["securityContext"] |= {
        "capabilities": {"drop": ["ALL"], "add": ["NET_ADMIN", "NET_RAW"]},
        "runAsNonRoot": False,
        "runAsUser": 0,
    }
    with pytest.raises(ApiError, match="violates PodSecurity"):
        meshed.api.create(pod)


def test_policies_that_istio_would_not_understand_are_refused(meshed: Meshed) -> None:
    """Otherwise the tests above would show nothing: the CRDs' own rules are at work."""
    (policy,) = [one for one in meshed.agents()["measured"] if one["kind"] == "PeerAuthentication"]
    del policy["spec"]["selector"]
    with pytest.raises(ApiError, match="portLevelMtls requires selector"):
        meshed.api.apply(policy, "roster")
