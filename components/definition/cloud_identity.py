"""Identities at a cloud: what an agent asks for, what a pool may use, and what an environment knows of its cloud."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field

from components.definition.fields import MEANINGS, Closed

AWS_PATTERN = r"^arn:aws(-cn|-us-gov)?:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,200}$"
_PROJECT = r"[a-z][a-z0-9-]{4,28}[a-z0-9]"
GCP_PATTERN = rf"^{_PROJECT}@{_PROJECT}\.iam\.gserviceaccount\.com$"
_UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
AZURE_PATTERN = rf"^{_UUID}$"
GCP_PROVIDER_PATTERN = (
    r"^projects/[0-9]{1,20}/locations/global/workloadIdentityPools/[a-z0-9-]{4,32}/providers/[a-z0-9-]{4,32}$"
)
ANY_PATTERN = "|".join((AWS_PATTERN, GCP_PATTERN, AZURE_PATTERN))
REGION_PATTERN = r"^[a-z]{2}(-[a-z]+)+-[0-9]$"
MEANINGS[AWS_PATTERN] = "a role of AWS, such as arn:aws:iam::123456789012:role/lead-scorer"
MEANINGS[GCP_PATTERN] = "a service account of Google Cloud, such as scorer@agents-prod.iam.gserviceaccount.com"
MEANINGS[AZURE_PATTERN] = "a client ID of Azure in small letters, such as 7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f"
MEANINGS[ANY_PATTERN] = "one identity, written out: the ARN of a role, a service account's address, or a client ID"
MEANINGS[GCP_PROVIDER_PATTERN] = (
    "a provider of Workload Identity Federation, such as "
    "projects/123456789012/locations/global/workloadIdentityPools/agents/providers/prod-eu"
)

IdentityName = Annotated[str, Field(pattern=ANY_PATTERN, max_length=250)]


def _f(description: str, pattern: str, example: str) -> Any:
    return Field(None, description=description, pattern=pattern, examples=[example])


class CloudIdentity(Closed):
    """Who the agent is at a cloud, without a key: the cloud trusts the cluster's tokens. One of the three."""

    aws_role: str | None = _f(
        "The ARN of an IAM role, taken by the agent's ServiceAccount.",
        AWS_PATTERN,
        "arn:aws:iam::123456789012:role/lead-scorer",
    )
    gcp_service_account: str | None = _f(
        "A service account of Google Cloud, by Workload Identity Federation.",
        GCP_PATTERN,
        "scorer@agents-prod.iam.gserviceaccount.com",
    )
    azure_client_id: str | None = _f(
        "The client ID of a managed identity or an application of Azure.",
        AZURE_PATTERN,
        "7f9c2ba4-e88f-4ab0-9c3e-1b2d3c4d5e6f",
    )


class CloudSettings(Closed):
    """What tokens of an environment's clusters are exchanged with."""

    aws_region: str | None = _f(
        "The region whose token service agents ask; with none, that of its secret store at AWS.",
        REGION_PATTERN,
        "eu-west-1",
    )
    gcp_provider: str | None = _f(
        "The provider that trusts its clusters' tokens, without the host in front.",
        GCP_PROVIDER_PATTERN,
        "projects/123456789012/locations/global/workloadIdentityPools/agents/providers/prod-eu",
    )
