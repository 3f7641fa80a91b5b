"""Who may do what in pools' namespaces, asked of a real API server: people by group, agents by their accounts."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from api import Api, ApiError, Manifest, wait_until
from control_plane import ControlPlane
from small_fleet import MINIMAL, fleet

from components.specs import agent_manifests, pool_manifests
from components.specs.access import VIEWED

pytestmark = pytest.mark.xdist_group("cluster")

ENVIRONMENT = """\
prod:
  description: What customers talk to.
  clusters: {{eu: {{context: nonprod}}, us: {{context: nonprod}}}}
  namespace_suffix: -{suffix}
  secrets:
    refresh_hours: 1
    store: {{kind: kubernetes, namespace: prod-secrets}}
"""
TEAM = """\
{name}:
  description: People.
  email: {name}@example.com
  reviewers: "@example/{name}"
  groups: ["oidc:{name}"]
"""
POOL = """\
{name}:
  description: A pool.
  owner: {owner}
  environments: [prod]
  quota: {{cpu: "200", memory: 400Gi, pods: 100, storage: 200Gi}}
  access: {access}
"""


@dataclass
class Pools:
    """Two pools on the cluster, an agent in each; `growth` views and `support` operates one, `community` the other."""

    plane: ControlPlane
    suffix: str
    applied: list[Manifest] = field(default_factory=list)
    apis: list[Api] = field(default_factory=list)

    @property
    def mine(self) -> str:
        """The namespace of the pool that growth views and support operates."""
        return f"business-{self.suffix}"

    @property
    def theirs(self) -> str:
        """The namespace of the other pool."""
        return f"community-{self.suffix}"

    def member(self, *groups: str) -> Api:
        """Somebody who is in these groups and has no rights of their own."""
        headers = [("Impersonate-User", "ada@example.com"), ("Impersonate-Group", "system:authenticated")]
        headers += [("Impersonate-Group", group) for group in groups]
        return self._api(self.plane.token, headers)

    def account(self, namespace: str, name: str) -> Api:
        """A ServiceAccount, by a token such as pods never get."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        return self._api(self.plane.api.call("POST", path, request)["status"]["token"], [])

    def pod(self) -> str:
        """The name of the agent's pod, once it runs."""
        path = f"/api/v1/namespaces/{self.mine}/pods"
        running = lambda: [one for one in self.plane.api.items(path) if "deletionTimestamp" not in one["metadata"]]  # noqa: E731
        return str(wait_until("the agent's pod is there", running)[0]["metadata"]["name"])

    def _api(self, token: str, headers: list[tuple[str, str]]) -> Api:
        self.apis.append(Api(self.plane.server, token, self.plane.authority, impersonate=headers))
        return self.apis[-1]


@pytest.fixture(scope="module")
def pools(cluster: ControlPlane) -> Iterator[Pools]:
    found = Pools(cluster, f"pool{secrets.token_hex(4)}")
    catalog = {
        "environments.yaml": ENVIRONMENT.format(suffix=found.suffix),
        "teams.yaml": "".join(TEAM.format(name=name) for name in ("growth", "support", "community", "platform")),
        "pools.yaml": POOL.format(name="business", owner="growth", access="{growth: view, support: operate}")
        + POOL.format(name="community", owner="community", access="{community: operate}"),
    }
    files = {"business/helper.yaml": MINIMAL + "scaling: {min: 1, max: 1}\n"}
    opened = fleet(files, catalog)
    agent = opened.examine("agents/business/helper.yaml", ["prod"]).resolved["prod"]
    manifests = [one for pool in ("business", "community") for one in pool_manifests(pool, "prod", opened.catalog)]
    for manifest in [*manifests, *agent_manifests(agent)]:
        if manifest["kind"] == "Deployment":
            del manifest["spec"]["template"]["spec"]["priorityClassName"]
        found.applied.append(cluster.api.apply(manifest, "roster"))
    cluster.api.create(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "helper", "namespace": found.mine},
            "stringData": {"ANTHROPIC_API_KEY": "for the agent alone"},
        }
    )
    found.pod()
    yield found
    for api in found.apis:
        api.close()
    for namespace in (found.mine, found.theirs):
        cluster.api.delete(f"/api/v1/namespaces/{namespace}")


def status(api: Api, method: str, path: str, body: Any = None, kind: str = "application/json", **query: str) -> int:
    """What the API server answers; nothing is changed. Where a pod's node is asked, that comes after the permission."""
    try:
        api.call(method, path, body, kind, **query)
    except ApiError as error:
        return error.status
    return 200


def refused(pools: Pools, api: Api) -> list[str]:
    """Which of the things that no team may do it may not do."""
    words = {
        "space": f"/api/v1/namespaces/{pools.mine}",
        "apps": f"/apis/apps/v1/namespaces/{pools.mine}",
        "network": f"/apis/networking.k8s.io/v1/namespaces/{pools.mine}",
        "rbac": f"/apis/rbac.authorization.k8s.io/v1/namespaces/{pools.mine}",
        "pod": pools.pod(),
    }
    found = []
    for what, (method, path, body) in _ASKED.items():
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        options = {} if method == "GET" else {"dryRun": "All"}
        if status(api, method, path.format(**words), body, kind, **options) == 403:
            found.append(what)
    return found


_POD: Manifest = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "own"},
    "spec": {"containers": [{"name": "own", "image": "own"}]},
}
_GRANT: Manifest = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "RoleBinding",
    "metadata": {"name": "own"},
    "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "ada@example.com"}],
}
# What no team may do: in words → method, path, body.
_ASKED: dict[str, tuple[str, str, Any]] = {
    "read a secret": ("GET", "{space}/secrets/helper", None),
    "list secrets": ("GET", "{space}/secrets", None),
    "open a shell": ("POST", "{space}/pods/{pod}/exec?command=sh", None),
    "open a shell by a GET": ("GET", "{space}/pods/{pod}/exec?command=sh", None),
    "attach": ("POST", "{space}/pods/{pod}/attach", None),
    "forward a port": ("POST", "{space}/pods/{pod}/portforward", None),
    "call a pod through the API": ("GET", "{space}/pods/{pod}:8080/proxy/", None),
    "call a service through the API": ("GET", "{space}/services/helper:80/proxy/", None),
    "add a debug container": ("PATCH", "{space}/pods/{pod}/ephemeralcontainers", {"spec": {}}),
    "make a pod": ("POST", "{space}/pods", _POD),
    "change a pod": ("PATCH", "{space}/pods/{pod}", {"metadata": {"labels": {"x": "y"}}}),
    "delete all pods": ("DELETE", "{space}/pods", None),
    "change a deployment": ("PATCH", "{apps}/deployments/helper", {"spec": {"replicas": 3}}),
    "scale": ("PATCH", "{apps}/deployments/helper/scale", {"spec": {"replicas": 3}}),
    "delete a deployment": ("DELETE", "{apps}/deployments/helper", None),
    "open the network": ("DELETE", "{network}/networkpolicies/helper", None),
    "change a prompt": ("PATCH", "{space}/configmaps/helper", {"data": {"x": "y"}}),
    "be the agent": ("POST", "{space}/serviceaccounts/helper/token", {"spec": {}}),
    "grant rights": ("POST", "{rbac}/rolebindings", _GRANT),
    "widen a role": ("PATCH", "{rbac}/roles/roster-view", {"rules": []}),
    "loosen pod security": ("PATCH", "{space}", {"metadata": {"labels": None}}),
    "look at all namespaces": ("GET", "/api/v1/pods", None),
    "list namespaces": ("GET", "/api/v1/namespaces", None),
    "list nodes": ("GET", "/api/v1/nodes", None),
}


@pytest.mark.parametrize("team", ["growth", "support"])
def test_no_team_reads_a_secret_enters_a_pod_or_changes_what_was_reviewed(pools: Pools, team: str) -> None:
    assert {*_ASKED} - {*refused(pools, pools.member(f"oidc:{team}"))} == set()


@pytest.mark.parametrize("team", ["growth", "support"])
def test_teams_with_access_see_everything_else_of_their_pool(pools: Pools, team: str) -> None:
    api = pools.member(f"oidc:{team}")
    space, pod = f"/api/v1/namespaces/{pools.mine}", pools.pod()
    assert [one["metadata"]["name"] for one in api.items(f"{space}/pods")] == [pod]
    assert status(api, "GET", space) == 200
    # The node of a pretended kubelet answers nothing; that it is asked is what the permission is for.
    assert status(api, "GET", f"{space}/pods/{pod}/log") != 403
    for group, kinds in VIEWED.items():
        for kind in kinds:
            assert _may(api, pools.mine, group, kind) == ["get", "list", "watch"], f"{group}/{kind}"


def _may(api: Api, namespace: str, group: str, resource: str) -> list[str]:
    """What the API server's own review says."""
    asked = ("get", "list", "watch", "create", "update", "patch")
    return [verb for verb in asked if _reviewed(api, namespace, group, resource, verb)]


def _reviewed(api: Api, namespace: str, group: str, resource: str, verb: str) -> bool:
    attributes = {"namespace": namespace, "group": group, "resource": resource, "verb": verb}
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    answer = api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def test_operating_restarts_a_pod_and_viewing_does_not(pools: Pools) -> None:
    before = pools.pod()
    path = f"/api/v1/namespaces/{pools.mine}/pods/{before}"
    assert status(pools.member("oidc:growth"), "DELETE", path) == 403
    assert status(pools.member("oidc:support"), "DELETE", path) == 200
    wait_until("the Deployment makes another", lambda: pools.pod() != before)


@pytest.mark.parametrize("groups", [("oidc:growth",), ("oidc:support",), ("oidc:community",), ("growth",), ()])
def test_access_ends_at_the_pools_namespace_and_with_the_group(pools: Pools, groups: tuple[str, ...]) -> None:
    api = pools.member(*groups)
    allowed = {
        space for space in (pools.mine, pools.theirs) if status(api, "GET", f"/api/v1/namespaces/{space}/pods") == 200
    }
    expected = {
        ("oidc:growth",): {pools.mine},
        ("oidc:support",): {pools.mine},
        ("oidc:community",): {pools.theirs},
    }
    assert allowed == expected.get(groups, set())


@pytest.mark.parametrize("name", ["helper", "default", "roster-secrets"])
def test_an_account_of_a_pool_may_do_nothing_but_ask_what_it_may_do(pools: Pools, name: str) -> None:
    api = pools.account(pools.mine, name)
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": pools.mine},
    }
    answer = api.call("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", review)["status"]
    may = {(verb, one) for rule in answer["resourceRules"] for verb in rule["verbs"] for one in rule["resources"]}
    assert may <= {("create", f"selfsubject{one}") for one in ("accessreviews", "rulesreviews", "reviews")}
    assert not {verb for rule in answer["nonResourceRules"] for verb in rule["verbs"]} - {"get"}
    assert refused(pools, api) == [*_ASKED]


def test_pods_hold_no_token_for_the_cluster(pools: Pools) -> None:
    api = pools.plane.api
    (agent,) = api.items(f"/api/v1/namespaces/{pools.mine}/pods", labelSelector="app.kubernetes.io/name=helper")
    nobody: Manifest = {
        **_POD,
        "spec": {
            "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "own",
                    "image": "own",
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    unasked = api.call("POST", f"/api/v1/namespaces/{pools.mine}/pods", nobody, dryRun="All")
    assert unasked["spec"]["serviceAccountName"] == "default"
    for pod in (agent, unasked):
        sources = [
            one for volume in pod["spec"].get("volumes", []) for one in volume.get("projected", {}).get("sources", [])
        ]
        assert not [one for one in sources if "serviceAccountToken" in one], pod["metadata"]["name"]
