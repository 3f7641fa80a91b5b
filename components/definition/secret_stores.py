"""Where an environment's secrets lie: one class a kind of store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from components.definition.fields import MEANINGS, Closed, Name, SecretPath

# What stands for the pool in a store's role; the platform's own reader is asked for as `platform`.
POOL = "{pool}"
ROLE_PATTERN = r"^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@/_{}-]+$"
GCP_ACCOUNT_PATTERN = r"^[a-z{][a-z0-9{}-]{2,28}[a-z0-9}]@[a-z0-9.:-]+\.iam\.gserviceaccount\.com$"
VAULT_URL_PATTERN = r"^https://[a-z0-9.-]+/?$"
REGION_PATTERN = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
LOCATION_PATTERN = r"^[a-z]+(-[a-z0-9]+)+$"
AUDIENCE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9:/._-]*$"
UUID_PATTERN = r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"
MEANINGS[ROLE_PATTERN] = "the ARN of a role, such as arn:aws:iam::123456789012:role/roster-{pool}"
MEANINGS[GCP_ACCOUNT_PATTERN] = "a service account, such as roster-{pool}@my-project.iam.gserviceaccount.com"
MEANINGS[REGION_PATTERN] = "a region, such as eu-west-1"
MEANINGS[LOCATION_PATTERN] = "a region or zone, such as europe-west1"
MEANINGS[AUDIENCE_PATTERN] = "an audience, such as vault or https://vault.example.com"
MEANINGS[VAULT_URL_PATTERN] = "the vault's address, such as https://acme-agents.vault.azure.net"


def _fill_in(text: str) -> str:
    left = text.replace(POOL, "")
    if "{" in left or "}" in left:
        raise ValueError(f"{POOL} is all that is filled in")
    return text


class VaultStore(Closed):
    """HashiCorp Vault, by Kubernetes authentication."""

    kind: Literal["vault"]
    server: str = Field(description="Its address.", pattern=r"^https://", examples=["https://vault.example.com"])
    mount: Name = Field(description="The KV version 2 mount.", examples=["agents"])
    auth_mount: Name = Field(description="The mount of Kubernetes authentication.", examples=["kubernetes"])
    role: Name = Field(description="Vault's role; a pool's store asks as role-pool.", examples=["roster"])
    audience: Annotated[str, Field(pattern=AUDIENCE_PATTERN, max_length=200)] | None = Field(
        None,
        description="The audience that the role demands of tokens; the cluster's own with none.",
        examples=["vault"],
    )


class AwsStore(Closed):
    """AWS Secrets Manager, by the service account's role."""

    kind: Literal["aws"]
    region: Annotated[str, Field(pattern=REGION_PATTERN)] = Field(description="Region.")
    role: Annotated[str, Field(pattern=ROLE_PATTERN, max_length=2048), AfterValidator(_fill_in)] = Field(
        description="The IAM role that a pool's reader assumes; {pool} is filled in, so that each pool has its own.",
        examples=["arn:aws:iam::123456789012:role/roster-{pool}"],
    )


class GcpStore(Closed):
    """Google Secret Manager, by workload identity."""

    kind: Literal["gcp"]
    project: Name = Field(description="The project of the secrets.")
    service_account: Annotated[str, Field(pattern=GCP_ACCOUNT_PATTERN), AfterValidator(_fill_in)] | None = Field(
        None,
        description="The service account that a pool's reader stands for; {pool} is filled in. With none the reader's "
        "own principal is granted access.",
        examples=["roster-{pool}@acme-agents.iam.gserviceaccount.com"],
    )
    cluster_project: Name | None = Field(
        None, description="The cluster's project; asked of the metadata server with none.", examples=["acme-clusters"]
    )
    cluster_location: Annotated[str, Field(pattern=LOCATION_PATTERN)] | None = Field(
        None, description="Its location; asked of the metadata server with none.", examples=["europe-west1"]
    )
    cluster_name: Name | None = Field(
        None, description="Its name; asked of the metadata server with none.", examples=["eu"]
    )


class AzureStore(Closed):
    """Azure Key Vault, by workload identity."""

    kind: Literal["azure"]
    vault_url: str = Field(description="The vault's address.", pattern=VAULT_URL_PATTERN)
    tenant: Annotated[str, Field(pattern=UUID_PATTERN)] | None = Field(
        None,
        description="The tenant's ID; the controller's with none.",
        examples=["0f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"],
    )
    client: Annotated[str, Field(pattern=UUID_PATTERN)] | None = Field(
        None,
        description="The client ID of the identity that readers stand for, where `clients` names none.",
        examples=["7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"],
    )
    clients: dict[Name, Annotated[str, Field(pattern=UUID_PATTERN)]] | None = Field(
        None,
        description="One identity a pool: its client ID by the pool's name, and by `platform` for the platform's own.",
        examples=[{"business": "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"}],
    )


class KubernetesStore(Closed):
    """Secrets of another namespace of the same cluster; for development."""

    kind: Literal["kubernetes"]
    namespace: Name = Field(description="The namespace that holds the secrets.", examples=["dev-secrets"])


# Stores whose names have no folders: a path's slashes become two hyphens there.
FLAT_STORES = (KubernetesStore, GcpStore, AzureStore)
FLAT_SEPARATOR = "--"


Store = VaultStore | AwsStore | GcpStore | AzureStore | KubernetesStore


def location(store: Store) -> str:
    """Where its secrets are: two stores with the same one hold the same secrets, however they are entered."""
    match store:
        case VaultStore():
            return f"{store.server.lower().rstrip('/')} {store.mount}"
        case AwsStore():
            return f"{store.role.split(':')[4]} {store.region}"
        case GcpStore():
            return store.project
        case AzureStore():
            return store.vault_url.rstrip("/")
        case KubernetesStore():
            return store.namespace


class SecretSettings(Closed):
    """Where an environment's secrets lie."""

    store: Store = Field(description="The secret store.", discriminator="kind")
    prefix: SecretPath | None = Field(
        None, description="Put before every path, so that environments do not share credentials.", examples=["prod"]
    )
    refresh_hours: int = Field(
        description="How often values are read again; each agent some minutes later, to spread the load.",
        ge=1,
        le=168,
        examples=[1],
    )
