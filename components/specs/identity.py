"""Who the agent is: in the cluster a ServiceAccount that may do nothing; at a cloud what the catalog consented to.

Pods never get a token for the cluster. For a cloud they get one of an hour that the cluster's API does not take: at AWS
and Azure from the cloud's own webhooks, which go by annotations and mount it whether or not tokens are mounted
otherwise; at Google's cloud from a volume of the pod, because the way over GKE's metadata server would open the address
by which nodes hand out their own credentials.
"""

from __future__ import annotations

import json

from components.resolve.resolved import Identity, ResolvedAgent
from components.specs.names import PREFIX, Manifest, metadata

TOKEN_SECONDS = 3600
_GCP_FOLDER = "/var/run/secrets/gcp"
_GCP_VOLUME = "gcp-identity"
_GCP_FILE = f"{PREFIX}/gcp-credentials"


def service_account(agent: ResolvedAgent) -> Manifest:
    """An identity without a token for the cluster."""
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": metadata(agent, **_account_annotations(agent.identity)),
        "automountServiceAccountToken": False,
    }


def _account_annotations(identity: Identity | None) -> dict[str, str]:
    match identity:
        case Identity("aws", name):
            return {
                "eks.amazonaws.com/role-arn": name,
                # Otherwise the SDK may ask the global service, whose host is another one.
                "eks.amazonaws.com/sts-regional-endpoints": "true",
                # A day with nothing said: a stolen token outlives the pod.
                "eks.amazonaws.com/token-expiration": str(TOKEN_SECONDS),
            }
        case Identity("azure", name):
            return {"azure.workload.identity/client-id": name}
    return {}


def identity_labels(identity: Identity | None) -> dict[str, str]:
    """Labels of the pods: Azure's webhook looks at no others."""
    return {"azure.workload.identity/use": "true"} if identity and identity.cloud == "azure" else {}


def identity_annotations(identity: Identity | None) -> dict[str, str]:
    """Annotations of the pods. Webhooks act when a pod is made, so another identity makes new pods."""
    if identity is None:
        return {}
    named = {f"{PREFIX}/identity": identity.name}
    return {**named, _GCP_FILE: _gcp_credentials(identity)} if identity.cloud == "gcp" else named


def identity_variables(agent: ResolvedAgent) -> list[Manifest]:
    """Environment variables by which an SDK finds the identity, where no webhook sets them."""
    identity = agent.identity
    if identity is None or identity.cloud != "gcp":
        return []
    # With no project said, Google's SDK asks a further host for it, in vain.
    project = identity.name.partition("@")[2].partition(".")[0]
    said = {*agent.env, *(secret.env for secret in agent.secrets)}
    variables = {"GOOGLE_APPLICATION_CREDENTIALS": f"{_GCP_FOLDER}/credentials.json", "GOOGLE_CLOUD_PROJECT": project}
    return [{"name": name, "value": value} for name, value in variables.items() if name not in said]


def identity_mounts(identity: Identity | None) -> list[Manifest]:
    """Where the container finds the token, where no webhook mounts it."""
    if identity is None or identity.cloud != "gcp":
        return []
    return [{"name": _GCP_VOLUME, "mountPath": _GCP_FOLDER, "readOnly": True}]


def identity_volumes(identity: Identity | None) -> list[Manifest]:
    """The token, of use at the cloud only, and beside it how to exchange it; no part of either is secret in Git."""
    if identity is None or identity.cloud != "gcp":
        return []
    token = {
        "audience": f"https://iam.googleapis.com/{identity.provider}",
        "expirationSeconds": TOKEN_SECONDS,
        "path": "token",
    }
    field = {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{_GCP_FILE}']"}
    sources = [
        {"serviceAccountToken": token},
        {"downwardAPI": {"items": [{"path": "credentials.json", "fieldRef": field}]}},
    ]
    return [{"name": _GCP_VOLUME, "projected": {"defaultMode": 0o440, "sources": sources}}]


def _gcp_credentials(identity: Identity) -> str:
    """A credential configuration as Google's SDKs read it (type external_account)."""
    impersonated = f"https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/{identity.name}"
    configuration = {
        "type": "external_account",
        "audience": f"//iam.googleapis.com/{identity.provider}",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": "https://sts.googleapis.com/v1/token",
        "service_account_impersonation_url": f"{impersonated}:generateAccessToken",
        "credential_source": {"file": f"{_GCP_FOLDER}/token", "format": {"type": "text"}},
    }
    return json.dumps(configuration, sort_keys=True, separators=(",", ":"))
