"""Stores and references on a real API server: admitted, granted what is said, and told without reading a Secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from api import Api, Manifest, wait_until
from control_plane import ControlPlane
from operated import Operated
from small_fleet import MINIMAL, fleet, one

from components.specs import agent_manifests, pool_manifests

pytestmark = pytest.mark.xdist_group("cluster")

DOCS = Path(__file__).parents[2] / "docs/secrets.md"
CLIENT = "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"
STORES = {
    "vault": "{kind: vault, server: 'https://v.example.com', mount: m, auth_mount: k, role: r, audience: vault}",
    "aws": "{kind: aws, region: eu-west-1, role: 'arn:aws:iam::123456789012:role/roster-{pool}'}",
    "gcp": """{kind: gcp, project: acme, service_account: "roster-{pool}@acme.iam.gserviceaccount.com",
    cluster_project: acme, cluster_location: europe-west1, cluster_name: eu}""",
    "azure": f"{{kind: azure, vault_url: 'https://acme.vault.azure.net', client: {CLIENT}, tenant: {CLIENT}}}",
    "kubernetes": "{kind: kubernetes, namespace: dev-secrets}",
}
# What `roster secrets --live` needs, and nothing of Secrets.
WATCHER = [
    {"apiGroups": ["external-secrets.io"], "resources": ["externalsecrets", "secretstores"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["list"]},
]


@pytest.fixture
def operated(cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    made = Operated(cluster.api, tmp_path)
    try:
        yield made
    finally:
        cluster.api.delete(f"/api/v1/namespaces/{made.namespace}")


def rendered(operated: Operated, name: str, store: str = "") -> dict[str, Manifest]:
    """The pool's store and reader and the agent's ExternalSecret, by kind, as `operated` renders them."""
    catalog = dict(operated.catalog)
    if store:
        text = catalog["environments.yaml"]
        catalog["environments.yaml"] = text.replace("{kind: kubernetes, namespace: dev-secrets}", store, 1)
    opened = fleet({f"business/{name}.yaml": MINIMAL + "secrets: {CRM_KEY: business/crm#key}\n"}, catalog)
    agent = opened.examine(f"agents/business/{name}.yaml").resolved["dev"]
    pool = pool_manifests("business", "dev", opened.catalog)
    [reader] = [thing for thing in pool if thing["metadata"]["name"] == "roster-secrets"]
    return {
        "ServiceAccount": reader,
        "SecretStore": one(pool, "SecretStore"),
        "ExternalSecret": one(agent_manifests(agent), "ExternalSecret"),
    }


@pytest.mark.parametrize("kind", STORES)
def test_the_store_of_each_kind_is_admitted_as_it_is_rendered(operated: Operated, kind: str) -> None:
    """Unknown fields are refused, and what the CRD adds is nothing that was said otherwise."""
    for manifest in rendered(operated, "plain", STORES[kind]).values():
        applied = operated.api.apply(manifest, "roster")
        assert _contains(applied.get("spec", {}), manifest.get("spec", {}))
        assert _contains(applied["metadata"], {"annotations": manifest["metadata"].get("annotations", {})})


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(name in whole and _contains(whole[name], part[name]) for name in part)
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


def test_the_documented_role_lets_a_pools_reader_get_secrets_by_name_and_nothing_more(operated: Operated) -> None:
    [text] = [block for block in DOCS.read_text("utf-8").split("```") if block.startswith("yaml\n")]
    space = f"dev-secrets-{operated.suffix}"
    text = text.removeprefix("yaml\n").replace("dev-secrets", space).replace("business-dev", operated.namespace)
    operated.api.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    try:
        for manifest in yaml.safe_load_all(text):
            operated.api.create(manifest)
        reader = f"system:serviceaccount:{operated.namespace}:roster-secrets"
        assert allowed(operated.api, reader, "get", space)
        for who, verb, where in (
            (reader, "list", space),
            (reader, "watch", space),
            (reader, "update", space),
            (reader, "get", operated.namespace),
            (f"system:serviceaccount:{operated.namespace}:plain", "get", space),
            (f"system:serviceaccount:{operated.namespace}:default", "get", space),
        ):
            assert not allowed(operated.api, who, verb, where), (who, verb, where)
    finally:
        operated.api.delete(f"/api/v1/namespaces/{space}")


def allowed(api: Api, who: str, verb: str, space: str) -> bool:
    """Whether the API server lets a user do something with Secrets."""
    wish = {"namespace": space, "verb": verb, "resource": "secrets"}
    groups = ["system:serviceaccounts", "system:authenticated"]
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {"user": who, "groups": groups, "resourceAttributes": wish},
    }
    answer = api.call("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer["status"]["allowed"])


def conditioned(api: Api, manifest: Manifest, ready: str, reason: str, message: str) -> None:
    """Applies it with the status that external-secrets would write."""
    applied = api.apply(manifest, "roster")
    condition = {"type": "Ready", "status": ready, "reason": reason, "message": message}
    condition["lastTransitionTime"] = "2026-11-21T11:00:00Z"
    status: dict[str, Any] = {"conditions": [condition]}
    if manifest["kind"] == "ExternalSecret":
        generation = applied["metadata"]["generation"]
        status |= {"refreshTime": "2026-11-21T11:00:00Z", "syncedResourceVersion": f"{generation}-abc"}
    api.merge(f"{api.path(manifest)}/status", {"status": status})


def warned(api: Api, manifest: Manifest, message: str) -> None:
    """A warning event of the object, as a controller's recorder makes it."""
    meta = manifest["metadata"]
    api.create(
        {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name']}.1", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": manifest["apiVersion"],
                "kind": manifest["kind"],
                "name": meta["name"],
                "namespace": meta["namespace"],
            },
            "type": "Warning",
            "reason": "UpdateFailed",
            "message": message,
            "lastTimestamp": "2026-11-21T11:00:00Z",
        }
    )


@pytest.fixture
def watcher(operated: Operated, cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run as somebody who may list ExternalSecrets and SecretStores, and may do nothing with Secrets."""
    api, space = operated.api, operated.namespace
    meta = {"name": "watcher", "namespace": space}
    api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    group = "rbac.authorization.k8s.io"
    api.create({"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": WATCHER})
    binding = {"roleRef": {"apiGroup": group, "kind": "Role", "name": "watcher"}}
    binding["subjects"] = [{"kind": "ServiceAccount", **meta}]  # type: ignore[assignment]
    api.create({"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": meta, **binding})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    answer = api.call("POST", f"/api/v1/namespaces/{space}/serviceaccounts/watcher/token", request)
    config = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))
    config["users"] = [{"name": one["name"], "user": {"token": answer["status"]["token"]}} for one in config["users"]]
    path = tmp_path / "watcher.kubeconfig"
    path.write_text(yaml.safe_dump(config), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    assert not allowed(api, f"system:serviceaccount:{space}:watcher", "get", space)
    assert not allowed(api, f"system:serviceaccount:{space}:watcher", "list", space)


@pytest.mark.usefixtures("watcher")
def test_what_external_secrets_says_is_told_to_somebody_who_may_read_no_secret(operated: Operated) -> None:
    canary = "sk-ant-api03-canary0123456789canary"
    api = operated.api
    for name in ("plain", "twins"):
        (operated.folder / f"agents/business/{name}.yaml").write_text(
            MINIMAL + "secrets: {CRM_KEY: business/crm#key}\n", "utf-8"
        )
    plain, twins = rendered(operated, "plain"), rendered(operated, "twins")
    conditioned(api, plain["SecretStore"], "True", "Valid", "store validated")
    conditioned(api, plain["ExternalSecret"], "True", "SecretSynced", "secret synced")
    index = [entry["secretKey"] for entry in twins["ExternalSecret"]["spec"]["data"]].index("CRM_KEY")
    failure = f"error processing spec.data[{index}] (key: dev--business--crm), err: no such key near {canary}"
    # As the real controller does: the condition says that it failed, an event why.
    conditioned(api, twins["ExternalSecret"], "False", "SecretSyncedError", "could not get secret data from provider")
    warned(api, twins["ExternalSecret"], failure)

    done = operated.roster("secrets", "--live", "-e", "dev", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert canary not in done.stdout
    found = {one["agent"]: one for one in json.loads(done.stdout)["agents"]}
    assert {name: one["state"] for name, one in found.items()} == {
        "plain": "synced",
        "twins": "failed",
        "asleep": "absent",
        "not-yet": "absent",
    }
    assert found["plain"]["as_defined"] is True
    assert found["plain"]["refreshed"] == "2026-11-21T11:00:00Z"
    states = {one["variable"]: one["state"] for one in found["twins"]["secrets"]}
    assert states == {"ANTHROPIC_API_KEY": "unknown", "API_KEYS": "unknown", "CRM_KEY": "failed"}

    conditioned(api, plain["SecretStore"], "False", "ValidationFailed", "vault is sealed")
    text = operated.roster("secrets", "plain", "twins", "--live", "-e", "dev")
    assert f"the store of {operated.namespace} in dev: ValidationFailed: vault is sealed" in text.stdout
    assert "business/twins in dev: failed: SecretSyncedError: error processing" in text.stdout
    assert canary not in text.stdout + text.stderr


def test_a_reference_that_was_changed_but_not_applied_is_told(operated: Operated) -> None:
    found = rendered(operated, "plain")
    conditioned(operated.api, found["ExternalSecret"], "True", "SecretSynced", "secret synced")
    # Its file, unlike what was applied, names no secret of its own.
    [row] = json.loads(operated.roster("secrets", "plain", "--live", "-e", "dev", "--json").stdout)["agents"]
    assert (row["state"], row["as_defined"]) == ("synced", False)
    text = operated.roster("secrets", "plain", "--live", "-e", "dev").stdout
    assert "business/plain in dev: the cluster's references are not those of its definition" in text


def test_a_cluster_where_nothing_of_external_secrets_may_be_listed_is_out_of_reach(
    operated: Operated, cluster: ControlPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = yaml.safe_load(cluster.kubeconfig.read_text("utf-8"))
    meta = {"name": "nobody", "namespace": operated.namespace}
    operated.api.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta})
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{operated.namespace}/serviceaccounts/nobody/token"
    token = wait_until("a token is given", lambda: operated.api.call("POST", path, request))["status"]["token"]
    config["users"] = [{"name": one["name"], "user": {"token": token}} for one in config["users"]]
    (tmp_path / "nobody.kubeconfig").write_text(yaml.safe_dump(config), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nobody.kubeconfig"))
    done = operated.roster("secrets", "--live", "-e", "dev")
    assert done.returncode == 6
    assert "forbids it (403)" in done.stderr
