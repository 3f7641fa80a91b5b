"""ExternalSecrets and SecretStores: what is asked of which store, as whom, how often, and what a rotation does."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
from small_fleet import CHARACTER, MINIMAL, fleet, manifests, one

from ci.schema_check import schema_findings
from components.definition.secret_stores import SecretSettings
from components.digest import canonical
from components.specs import Manifest, agent_manifests, platform_manifests, pool_manifests
from components.specs.secret_store import SPREAD_SECONDS, refresh_interval

RELOAD = "secret.reloader.stakater.com/reload"
CLIENT = "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"
TENANT = "0f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"
# Store as the catalog writes it → what external-secrets gets, and the annotation on the pool's reader.
STORES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "vault": (
        "{kind: vault, server: 'https://v.example.com', mount: kv, auth_mount: k8s, role: roster, audience: vault}",
        {
            "vault": {
                "server": "https://v.example.com",
                "path": "kv",
                "version": "v2",
                "auth": {
                    "kubernetes": {
                        "mountPath": "k8s",
                        "role": "roster-business",
                        "serviceAccountRef": {"name": "roster-secrets", "audiences": ["vault"]},
                    }
                },
            }
        },
        {},
    ),
    "aws": (
        "{kind: aws, region: eu-west-1, role: 'arn:aws:iam::123456789012:role/agents/roster-{pool}'}",
        {
            "aws": {
                "service": "SecretsManager",
                "region": "eu-west-1",
                "auth": {"jwt": {"serviceAccountRef": {"name": "roster-secrets"}}},
            }
        },
        {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/agents/roster-business"},
    ),
    "gcp": (
        """{kind: gcp, project: acme-agents, service_account: "roster-{pool}@acme-agents.iam.gserviceaccount.com",
        cluster_project: acme-clusters, cluster_location: europe-west1, cluster_name: eu}""",
        {
            "gcpsm": {
                "projectID": "acme-agents",
                "auth": {
                    "workloadIdentity": {
                        "clusterProjectID": "acme-clusters",
                        "clusterLocation": "europe-west1",
                        "clusterName": "eu",
                        "serviceAccountRef": {"name": "roster-secrets"},
                    }
                },
            }
        },
        {"iam.gke.io/gcp-service-account": "roster-business@acme-agents.iam.gserviceaccount.com"},
    ),
    "azure": (
        f"""{{kind: azure, vault_url: "https://acme.vault.azure.net", tenant: {TENANT}, client: {TENANT},
        clients: {{business: {CLIENT}}}}}""",
        {
            "azurekv": {
                "authType": "WorkloadIdentity",
                "vaultUrl": "https://acme.vault.azure.net",
                "serviceAccountRef": {"name": "roster-secrets"},
                "tenantId": TENANT,
            }
        },
        {"azure.workload.identity/client-id": CLIENT},
    ),
    "kubernetes": (
        "{kind: kubernetes, namespace: prod-secrets}",
        {
            "kubernetes": {
                "remoteNamespace": "prod-secrets",
                "server": {"caProvider": {"type": "ConfigMap", "name": "kube-root-ca.crt", "key": "ca.crt"}},
                "auth": {"serviceAccount": {"name": "roster-secrets"}},
            }
        },
        {},
    ),
}


def environment(store: str, hours: int = 1) -> dict[str, str]:
    """A catalog in which prod has this store."""
    clusters = "{eu: {context: prod-eu}, us: {context: prod-us}}"
    secrets = f"{{prefix: prod, refresh_hours: {hours}, store: {store}}}"
    return {"environments.yaml": f"prod:\n  description: Live.\n  clusters: {clusters}\n  secrets: {secrets}\n"}


def stands_for(reader: Manifest) -> dict[str, str]:
    """Whom the ServiceAccount is at a cloud."""
    annotations: dict[str, str] = reader["metadata"].get("annotations", {})
    return {name: value for name, value in annotations.items() if not name.startswith("pulumi.com/")}


def reader_of(objects: list[Manifest]) -> Manifest:
    """The ServiceAccount that external-secrets reads as."""
    (found,) = (one for one in objects if one["kind"] == "ServiceAccount" and "secrets" in one["metadata"]["name"])
    return found


@pytest.mark.parametrize("kind", STORES)
def test_a_pools_store_is_entered_as_its_kind_wants_it(kind: str) -> None:
    store, provider, annotations = STORES[kind]
    objects = pool_manifests("business", "prod", fleet({}, environment(store)).catalog)
    assert one(objects, "SecretStore")["spec"]["provider"] == provider
    reader = reader_of(objects)
    assert stands_for(reader) == annotations
    assert reader["automountServiceAccountToken"] is False
    of_kind = [one for one in objects if one["kind"] in ("SecretStore", "ServiceAccount")]
    assert schema_findings("x.yaml", "", of_kind) == []


@pytest.mark.parametrize("kind", ["vault", "aws", "gcp"])
def test_each_pool_and_the_platform_enter_as_somebody_of_their_own(kind: str) -> None:
    catalog = fleet({}, environment(STORES[kind][0])).catalog
    said = {
        who: canonical({"all": [reader_of(objects), one(objects, "SecretStore")]})
        for who, objects in {
            "business": pool_manifests("business", "prod", catalog),
            "support": pool_manifests("support", "prod", catalog),
            "platform": [
                thing
                for thing in platform_manifests("prod", catalog)
                if thing["kind"] in ("ServiceAccount", "SecretStore") and thing["metadata"]["namespace"] == "monitoring"
            ],
        }.items()
    }
    for who, text in said.items():
        assert f"roster-{who}" in text
        assert not [other for other in said if other != who and f"roster-{other}" in text]


def test_without_optional_fields_a_store_of_google_asks_the_metadata_server() -> None:
    objects = pool_manifests("business", "prod", fleet({}, environment("{kind: gcp, project: acme}")).catalog)
    auth = one(objects, "SecretStore")["spec"]["provider"]["gcpsm"]["auth"]
    assert auth == {"workloadIdentity": {"serviceAccountRef": {"name": "roster-secrets"}}}
    assert stands_for(reader_of(objects)) == {}


def seconds(interval: str) -> int:
    """A duration as Go writes it; fails for one that Go would write in another way."""
    match = re.fullmatch(r"([0-9]+)h([0-9]|[1-5][0-9])m([0-9]|[1-5][0-9])s", interval)
    assert match, interval
    hours, minutes, rest = map(int, match.groups())
    return hours * 3600 + minutes * 60 + rest


@pytest.mark.parametrize("hours", [1, 24, 168])
def test_a_pools_agents_read_their_secrets_spread_over_a_quarter_of_an_hour_and_never_sooner(hours: int) -> None:
    settings = SecretSettings.model_validate(
        {"store": {"kind": "kubernetes", "namespace": "s"}, "refresh_hours": hours}
    )
    found = [seconds(refresh_interval(settings, f"business/agent-{number}")) for number in range(500)]
    assert min(found) >= hours * 3600
    assert max(found) < hours * 3600 + SPREAD_SECONDS
    minutes = Counter(one // 60 for one in found)
    assert len(minutes) == 15, "each minute has some"
    assert max(minutes.values()) < 60, "and none has many: 33 would be even"
    assert max(Counter(found).values()) <= 5, "they do not fall on the same second"


def test_the_spread_is_the_agents_own_and_moves_with_nothing_else() -> None:
    def interval(text: str, name: str) -> str:
        opened = fleet({f"business/{name}.yaml": text})
        found = agent_manifests(opened.examine(f"agents/business/{name}.yaml").resolved["prod"])
        return str(one(found, "ExternalSecret")["spec"]["refreshInterval"])

    changed = MINIMAL.replace("Answers", "Asks") + "secrets: {A: business/a#b}\nrestarts: 3\n"
    assert interval(MINIMAL, "writer") == interval(changed, "writer")
    assert interval(MINIMAL, "writer") != interval(MINIMAL, "reader")


def test_a_change_of_the_external_secret_restarts_no_pod() -> None:
    """The pod template knows nothing of references, stores and intervals."""
    store = STORES["kubernetes"][0]
    for before, after in (
        (environment(store), environment(store, hours=6)),
        (environment(store), environment(STORES["vault"][0])),
    ):
        old, new = (_objects(MINIMAL, catalog) for catalog in (before, after))
        assert one(old, "ExternalSecret") != one(new, "ExternalSecret")
        assert one(old, "Deployment") == one(new, "Deployment")
    other_path = [_objects(MINIMAL + f"secrets: {{A: business/{name}#k}}\n") for name in ("a", "b")]
    assert other_path[0] != other_path[1]
    assert one(other_path[0], "Deployment") == one(other_path[1], "Deployment")


def _objects(text: str, catalog: dict[str, str] | None = None) -> list[Manifest]:
    opened = fleet({"business/a.yaml": text}, catalog)
    return agent_manifests(opened.examine("agents/business/a.yaml").resolved["prod"])


@pytest.mark.parametrize(
    ("text", "files"),
    [(MINIMAL, True), (CHARACTER, True), ("version: 1\ndescription: W.\nowner: growth\nruntime: worker\n", False)],
    ids=["fastapi", "eliza", "worker"],
)
def test_a_rotation_reaches_pods_by_a_restart_whether_they_read_files_or_variables(text: str, files: bool) -> None:
    """Kubernetes changes mounted files in place and variables never; Reloader restarts pods in both cases."""
    found = manifests(text + "secrets: {A: business/a#b}\n")
    deployment, asked = one(found, "Deployment"), one(found, "ExternalSecret")
    pod = deployment["spec"]["template"]["spec"]
    target = asked["spec"]["target"]["name"]
    assert deployment["metadata"]["annotations"][RELOAD] == target
    mounted = [volume["secret"]["secretName"] for volume in pod.get("volumes", ()) if "secret" in volume]
    variables = [entry for entry in pod["containers"][0].get("env", ()) if "valueFrom" in entry]
    assert mounted == ([target] if files else [])
    assert [one["valueFrom"]["secretKeyRef"]["name"] for one in variables] == ([] if files else [target])
    # A file mounted by subPath would never change.
    assert not [one for one in pod["containers"][0].get("volumeMounts", ()) if "subPath" in one]


def test_nothing_is_taken_from_a_running_agent_when_the_store_has_nothing_any_more() -> None:
    target = one(manifests(MINIMAL), "ExternalSecret")["spec"]["target"]
    assert target["deletionPolicy"] == "Retain"
    assert target["creationPolicy"] == "Owner", "and it goes with the agent"
