"""Who an agent is: nobody in the cluster; at a cloud what the catalog consented to, by tokens of an hour."""

from __future__ import annotations

import json
from typing import Any

import pytest
from small_fleet import MINIMAL, findings, fleet, inspect, one

from components.definition.findings import errors
from components.resolve.resolved import ResolvedAgent
from components.specs import agent_manifests

ROLE = "arn:aws:iam::123456789012:role/lead-scorer"
GCP = "scorer@agents-prod.iam.gserviceaccount.com"
AZURE = "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"
PROVIDER = "projects/123456789012/locations/global/workloadIdentityPools/agents/providers/prod-eu"
CATALOG = {
    "pools.yaml": f"""\
business:
  description: Agents that plan.
  owner: growth
  quota: {{cpu: "200", memory: 400Gi, pods: 1500, storage: 200Gi}}
  environments: [prod]
  identities: [{ROLE}, {GCP}, {AZURE}]
""",
    "environments.yaml": f"""\
prod:
  description: What customers talk to.
  clusters:
    eu: {{context: prod-eu}}
    us: {{context: prod-us}}
  secrets:
    prefix: prod
    refresh_hours: 1
    store: {{kind: kubernetes, namespace: prod-secrets}}
  cloud: {{aws_region: eu-west-1, gcp_provider: {PROVIDER}}}
""",
}
KINDS = {"aws_role": ROLE, "gcp_service_account": GCP, "azure_client_id": AZURE}


def asking(kind: str, name: str) -> str:
    return MINIMAL + f"identity: {{{kind}: {name!r}}}\n"


def resolved(text: str) -> ResolvedAgent:
    examined = fleet({"business/sample.yaml": text}, CATALOG).examine("agents/business/sample.yaml", ["prod"])
    assert "prod" in examined.resolved, "\n".join(map(str, examined.findings))
    return examined.resolved["prod"]


def objects(text: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The ServiceAccount and the pods' template."""
    manifests = agent_manifests(resolved(text))
    return one(manifests, "ServiceAccount"), one(manifests, "Deployment")["spec"]["template"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_agent_gets_a_token_for_the_cluster_whatever_it_is_at_a_cloud(kind: str) -> None:
    account, template = objects(asking(kind, KINDS[kind]))
    assert account["automountServiceAccountToken"] is False
    assert template["spec"]["automountServiceAccountToken"] is False
    projected = [source for one in template["spec"].get("volumes", []) for source in _sources(one)]
    for token in [source["serviceAccountToken"] for source in projected if "serviceAccountToken" in source]:
        assert token["audience"].startswith("https://iam.googleapis.com/"), "the cluster's API takes no such token"
        assert token["expirationSeconds"] == 3600


def _sources(volume: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = volume.get("projected", {}).get("sources", [])
    return found


def test_an_agent_without_an_identity_has_no_trace_of_a_cloud() -> None:
    account, template = objects(MINIMAL)
    assert [*account["metadata"]["annotations"]] == ["pulumi.com/patchFieldManager"]
    assert "roster/identity" not in template["metadata"].get("annotations", {})
    assert not [one for one in template["spec"].get("volumes", []) if "projected" in one]


def test_a_role_of_aws_is_said_to_its_webhook_with_the_regions_token_service_and_an_hours_token() -> None:
    account, template = objects(asking("aws_role", ROLE))
    notes = account["metadata"]["annotations"]
    assert notes["eks.amazonaws.com/role-arn"] == ROLE
    assert notes["eks.amazonaws.com/sts-regional-endpoints"] == "true"
    assert notes["eks.amazonaws.com/token-expiration"] == "3600"
    assert template["metadata"]["annotations"]["roster/identity"] == ROLE, "another role makes new pods"
    hosts = [one.host for one in resolved(asking("aws_role", ROLE)).hosts]
    assert "sts.eu-west-1.amazonaws.com" in hosts


def test_chinas_token_service_has_a_host_of_its_own() -> None:
    role = "arn:aws-cn:iam::123456789012:role/lead-scorer"
    catalog = {name: text.replace(ROLE, role).replace("eu-west-1", "cn-north-1") for name, text in CATALOG.items()}
    opened = fleet({"business/sample.yaml": asking("aws_role", role)}, catalog)
    agent = opened.examine("agents/business/sample.yaml", ["prod"]).resolved["prod"]
    assert "sts.cn-north-1.amazonaws.com.cn" in [one.host for one in agent.hosts]


def test_azures_webhook_finds_the_label_on_pods_and_the_client_on_the_account() -> None:
    account, template = objects(asking("azure_client_id", AZURE))
    assert account["metadata"]["annotations"]["azure.workload.identity/client-id"] == AZURE
    assert template["metadata"]["labels"]["azure.workload.identity/use"] == "true"
    assert "azure.workload.identity/use" not in account["metadata"]["labels"]
    assert "login.microsoftonline.com" in [one.host for one in resolved(asking("azure_client_id", AZURE)).hosts]


def test_googles_sdk_finds_a_token_and_how_to_exchange_it_without_the_metadata_server() -> None:
    account, template = objects(asking("gcp_service_account", GCP))
    assert "iam.gke.io/gcp-service-account" not in account["metadata"]["annotations"]
    container = template["spec"]["containers"][0]
    (path,) = [one["value"] for one in container["env"] if one["name"] == "GOOGLE_APPLICATION_CREDENTIALS"]
    (mount,) = [one for one in container["volumeMounts"] if path.startswith(one["mountPath"] + "/")]
    assert mount["readOnly"] is True
    (volume,) = [one for one in template["spec"]["volumes"] if one["name"] == mount["name"]]
    token, file = _sources(volume)
    (item,) = file["downwardAPI"]["items"]
    assert f"{mount['mountPath']}/{item['path']}" == path
    key = item["fieldRef"]["fieldPath"].removeprefix("metadata.annotations['").removesuffix("']")
    credentials = json.loads(template["metadata"]["annotations"][key])
    assert credentials["type"] == "external_account"
    assert token["serviceAccountToken"]["audience"] == "https:" + credentials["audience"]
    assert credentials["audience"].endswith(PROVIDER)
    assert credentials["credential_source"]["file"] == f"{mount['mountPath']}/{token['serviceAccountToken']['path']}"
    assert f"/{GCP}:" in credentials["service_account_impersonation_url"]
    assert {"name": "GOOGLE_CLOUD_PROJECT", "value": "agents-prod"} in container["env"], (
        "or the SDK asks a further host"
    )
    hosts = {one.host for one in resolved(asking("gcp_service_account", GCP)).hosts}
    assert hosts >= {"sts.googleapis.com", "iamcredentials.googleapis.com"}


@pytest.mark.parametrize("kind", KINDS)
def test_an_identity_is_admitted_by_schemas_and_policies(kind: str) -> None:
    inspection = inspect({"business/sample.yaml": asking(kind, KINDS[kind])}, CATALOG)
    assert not errors(inspection.findings)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("aws_role", "arn:aws:iam::123456789012:role/admin"),
        ("aws_role", ROLE.replace("123456789012", "999999999999")),
        ("gcp_service_account", "owners@agents-prod.iam.gserviceaccount.com"),
        ("azure_client_id", AZURE.replace("7", "8", 1)),
    ],
)
def test_a_pull_request_cannot_ask_for_an_identity_that_the_catalog_does_not_list(kind: str, name: str) -> None:
    (found,) = errors(findings({"business/sample.yaml": asking(kind, name)}, CATALOG))
    assert (found.rule, found.file, found.line) == ("identity-not-allowed", "agents/business/sample.yaml", 7)
    assert "agents/catalog/pools.yaml" in found.message


@pytest.mark.parametrize(
    "line",
    [
        f"annotations: {{eks.amazonaws.com/role-arn: {ROLE!r}}}",
        f"annotations: {{iam.gke.io/gcp-service-account: {GCP!r}}}",
        f"annotations: {{azure.workload.identity/client-id: {AZURE!r}}}",
        "labels: {azure.workload.identity/use: 'true'}",
        "labels: {aadpodidbinding: admin}",
    ],
)
def test_labels_and_annotations_are_no_way_past_the_catalog(line: str) -> None:
    (found,) = errors(findings({"business/sample.yaml": MINIMAL + line + "\n"}, CATALOG))
    assert found.rule == "identity-past-catalog"


@pytest.mark.parametrize("wildcard", ["arn:aws:iam::123456789012:role/*", "*", "*@agents-prod.iam.gserviceaccount.com"])
def test_the_catalog_names_identities_and_no_patterns(wildcard: str) -> None:
    catalog = {**CATALOG, "pools.yaml": CATALOG["pools.yaml"].replace(ROLE, repr(wildcard))}
    (found,) = errors(findings({"business/sample.yaml": MINIMAL}, catalog))
    assert (found.rule, found.file) == ("wrong-value", "agents/catalog/pools.yaml")


def test_a_project_that_the_agent_names_itself_stands() -> None:
    _, template = objects(asking("gcp_service_account", GCP) + "env: {GOOGLE_CLOUD_PROJECT: analytics}\n")
    names = {one["name"]: one.get("value") for one in template["spec"]["containers"][0]["env"]}
    assert names["GOOGLE_CLOUD_PROJECT"] == "analytics"
    assert len(names) == len(template["spec"]["containers"][0]["env"])


def test_an_environment_may_have_an_identity_of_its_own_in_place_of_the_agents() -> None:
    text = asking("aws_role", ROLE) + f"overrides: {{prod: {{identity: {{azure_client_id: {AZURE}}}}}}}\n"
    identity = resolved(text).identity
    assert identity is not None
    assert identity.name == AZURE
