"""Where an environment's secrets lie: one class a kind of store."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.definition.fields import Closed, Name, SecretPath


class VaultStore(Closed):
    """HashiCorp Vault, by Kubernetes authentication."""

    kind: Literal["vault"]
    server: str = Field(description="Its address.", pattern=r"^https://", examples=["https://vault.example.com"])
    mount: Name = Field(description="The KV version 2 mount.", examples=["agents"])
    auth_mount: Name = Field(description="The mount of Kubernetes authentication.", examples=["kubernetes"])
    role: Name = Field(description="Vault's role; a pool's store asks as role-pool.", examples=["roster"])


class AwsStore(Closed):
    """AWS Secrets Manager, by the service account's role."""

    kind: Literal["aws"]
    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")] = Field(description="Region.")


class GcpStore(Closed):
    """Google Secret Manager, by workload identity."""

    kind: Literal["gcp"]
    project: Name = Field(description="Project.")


class AzureStore(Closed):
    """Azure Key Vault, by workload identity."""

    kind: Literal["azure"]
    vault_url: str = Field(description="The vault's address.", pattern=r"^https://")


class KubernetesStore(Closed):
    """Secrets of another namespace of the same cluster; for development."""

    kind: Literal["kubernetes"]
    namespace: Name = Field(description="The namespace that holds the secrets.", examples=["dev-secrets"])


# Stores whose names have no folders: a path's slashes become two hyphens there.
FLAT_STORES = (KubernetesStore, GcpStore, AzureStore)
FLAT_SEPARATOR = "--"


class SecretSettings(Closed):
    """Where an environment's secrets lie."""

    store: VaultStore | AwsStore | GcpStore | AzureStore | KubernetesStore = Field(
        description="The secret store.", discriminator="kind"
    )
    prefix: SecretPath | None = Field(
        None, description="Put before every path, so that environments do not share credentials.", examples=["prod"]
    )
    refresh_hours: int = Field(description="How often values are read again.", ge=1, le=168, examples=[1])
