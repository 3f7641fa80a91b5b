"""A real API server, with Cilium's own CRD, takes what holds agents to their hosts, and gives it back as it was."""

from __future__ import annotations

import copy
import secrets
from collections.abc import Iterator

import pytest
from api import Api, ApiError, Manifest
from control_plane import ControlPlane
from small_fleet import MINIMAL, fleet, one

from components.specs import agent_manifests

pytestmark = pytest.mark.xdist_group("cluster")

PROD = """\
prod:
  description: What customers talk to.
  clusters: {eu: {context: prod-eu}, us: {context: prod-us}}
  secrets: {prefix: prod, refresh_hours: 1, store: {kind: kubernetes, namespace: secrets}}
"""
CILIUM = PROD + "  network: {egress: {kind: cilium}}\n"
PROXY = PROD + (
    "  network:\n    egress: {kind: proxy, host: proxy.egress, cidr: 10.30.0.8/32, "
    "ports: {business: 3129, support: 3130, community: 3131, halted: 3132}}\n"
)
AGENTS = {
    "plain": MINIMAL,
    "all": MINIMAL + "hosts: [crm.example.com, xn--mnchen-3ya.de]\n"
    "storage: {databases: [agents-postgres, platform-postgres]}\ncalls: [support/guide]\n",
    "many hosts": MINIMAL + f"hosts: [{', '.join(f'h{number}.example.com' for number in range(255))}]\n",
    "suspended": MINIMAL + "suspended: true\n",
    "without hosts": "version: 1\ndescription: Works.\nowner: growth\nruntime: worker\n",
}


def network_objects(text: str, environments: str) -> list[Manifest]:
    """The objects of an agent that say what it may reach."""
    opened = fleet({"business/sample.yaml": text}, {"environments.yaml": environments})
    made = agent_manifests(opened.examine("agents/business/sample.yaml", ["prod"]).resolved["prod"])
    kinds = {"NetworkPolicy", "CiliumNetworkPolicy"}
    return [one for one in made if one["kind"] in kinds or one["metadata"]["name"].endswith(".egress")]


@pytest.fixture(scope="module")
def namespace(cluster: ControlPlane) -> Iterator[str]:
    name = f"network-{secrets.token_hex(4)}"
    cluster.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    cluster.api.delete(f"/api/v1/namespaces/{name}")


def placed(manifest: Manifest, namespace: str) -> Manifest:
    return {**manifest, "metadata": {**manifest["metadata"], "namespace": namespace}}


@pytest.mark.parametrize("environments", [CILIUM, PROXY], ids=["cilium", "proxy"])
@pytest.mark.parametrize("text", AGENTS.values(), ids=AGENTS)
def test_the_api_server_takes_them_and_changes_nothing(
    cluster: ControlPlane, namespace: str, text: str, environments: str
) -> None:
    api: Api = cluster.api
    made = [placed(one, namespace) for one in network_objects(text, environments)]
    assert made
    for manifest in made:
        api.apply(manifest, "roster")
        stored = api.get(api.path(manifest))
        assert stored
        content = "data" if "data" in manifest else "spec"
        assert stored[content] == manifest[content], "or every later run would see a change"
        api.delete(api.path(manifest))


def test_what_cilium_could_not_read_is_refused(cluster: ControlPlane, namespace: str) -> None:
    policy = copy.deepcopy(one(network_objects(AGENTS["all"], CILIUM), "CiliumNetworkPolicy"))
    policy["spec"]["egress"][1]["toFQDNs"][0]["matchName"] = "https://crm.example.com/"
    with pytest.raises(ApiError, match="matchName"):
        cluster.api.apply(placed(policy, namespace), "roster")
