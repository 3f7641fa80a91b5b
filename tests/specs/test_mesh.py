"""What a mesh adds to a pool, and that without one there is nothing of it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from small_fleet import MINIMAL, catalog_files, fleet, one

from components.specs import Manifest, agent_manifests, pool_manifests

MESH = {
    "kind": "istio",
    "gateway_account": "gateway/public-istio",
    "control_plane": {"namespace": "istio-system", "labels": {"app": "istiod"}},
}
ISTIO = "istio.io"


def environments(**mesh: Any) -> dict[str, str]:
    entries = yaml.safe_load(catalog_files()["catalog/environments.yaml"])
    entries["prod"]["network"] = {"mesh": MESH | mesh}
    return {"environments.yaml": yaml.safe_dump(entries, sort_keys=False)}


def pool(**mesh: Any) -> list[Manifest]:
    return pool_manifests("business", "prod", fleet({}, environments(**mesh)).catalog)


def agent(text: str, catalog: dict[str, str] | None = None) -> list[Manifest]:
    examined = fleet({"business/sample.yaml": text}, catalog).examine("agents/business/sample.yaml", ["prod"])
    return agent_manifests(examined.resolved["prod"])


def test_every_port_of_a_pool_takes_mutual_tls_only() -> None:
    made = one(pool(), "PeerAuthentication")
    assert made["spec"] == {"mtls": {"mode": "STRICT"}}


def test_in_a_pool_nobody_is_let_in_unless_an_agent_says_so() -> None:
    assert one(pool(), "AuthorizationPolicy")["spec"] == {"action": "ALLOW"}


def test_a_pool_reaches_the_control_plane_at_one_port_and_nothing_reaches_the_pool() -> None:
    (made,) = [m for m in pool() if m["kind"] == "NetworkPolicy" and m["metadata"]["name"] == "agents"]
    assert made["spec"]["podSelector"] == {"matchLabels": {"role": "agent"}}
    assert made["spec"]["egress"][0]["ports"] == [{"protocol": "TCP", "port": 15012}]
    assert "ingress" not in made["spec"]


@pytest.mark.parametrize(
    ("mesh", "labels"),
    [({}, {"istio-injection": "enabled"}), ({"revision": "stable"}, {"istio.io/rev": "stable"})],
)
def test_a_pools_pods_get_their_sidecar_from_the_revision_that_is_meant(
    mesh: dict[str, str], labels: dict[str, str]
) -> None:
    found = one(pool(**mesh), "Namespace")["metadata"]["labels"]
    assert {key: value for key, value in found.items() if "istio" in key} == labels
    assert found["pod-security.kubernetes.io/enforce"] == "restricted"


def test_a_sidecar_asks_for_what_the_catalog_says() -> None:
    catalog = environments(sidecar={"cpu": "50m", "memory_limit": "300Mi"})
    template = one(agent(MINIMAL, catalog), "Deployment")["spec"]["template"]
    asked = {key.rpartition("/")[2]: value for key, value in template["metadata"]["annotations"].items()}
    assert (asked["proxyCPU"], asked["proxyCPULimit"]) == ("50m", "500m")
    assert (asked["proxyMemory"], asked["proxyMemoryLimit"]) == ("128Mi", "300Mi")


def test_an_agent_without_metrics_opens_no_port_to_plain_http() -> None:
    worker = "version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n"
    made = agent(worker, environments())
    assert [m["kind"] for m in made if ISTIO in m["apiVersion"]] == ["AuthorizationPolicy"]
    assert "rules" not in one(made, "AuthorizationPolicy")["spec"]


def test_without_a_mesh_nothing_of_it_is_rendered() -> None:
    everything = [*agent(MINIMAL), *pool_manifests("business", "prod", fleet({}).catalog)]
    assert ISTIO not in yaml.safe_dump(everything)
