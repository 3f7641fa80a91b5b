"""Identities at clouds: the catalog consents to each, and nothing gets one in another way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.definition.findings import Finding, nearest, one_of
from components.definition.yaml_reader import KeyPath
from components.resolve.identity import aws_region
from components.resolve.layers import Layers

_KINDS = ("aws_role", "gcp_service_account", "azure_client_id")
# Keys by which the clouds' own controllers give pods identities.
_CLOUD_KEYS = ("eks.amazonaws.com/", "iam.amazonaws.com/", "iam.gke.io/", "azure.workload.identity/", "aadpodidbinding")
# What the clouds' SDKs read, and Roster or the cloud's controller sets.
_VARIABLES = {
    "aws_role": ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE"),
    "gcp_service_account": ("GOOGLE_APPLICATION_CREDENTIALS",),
    "azure_client_id": ("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"),
}


def identity_findings(merged: dict[str, Any], layers: Layers) -> Iterator[Finding]:
    """What is wrong with the identity that merged settings ask for."""
    yield from _past_the_catalog(merged, layers)
    given = merged.get("identity")
    if given is None:
        return
    if len(given) != 1:
        rule = "either-or" if given else "missing-key"
        path: KeyPath = ("identity", list(given)[-1]) if given else ("identity",)
        yield layers.finding(path, rule, f"identity: give one of {one_of(_KINDS)}")
        return
    ((kind, name),) = given.items()
    yield from _consented(kind, name, layers)
    yield from _exchanged(kind, layers)
    for source in ("env", "secrets"):
        for variable in _VARIABLES[kind]:
            if variable in (merged.get(source) or {}):
                message = f"{variable} is set by identity.{kind}; keep one"
                yield layers.finding((source, variable), "two-sources", message)


def _past_the_catalog(merged: dict[str, Any], layers: Layers) -> Iterator[Finding]:
    for field in ("labels", "annotations"):
        for key in merged.get(field) or ():
            if key.startswith(_CLOUD_KEYS):
                message = f"{field}: {key} would give the agent an identity that nobody consented to; say identity"
                yield layers.finding((field, key), "identity-past-catalog", message)


def _consented(kind: str, name: str, layers: Layers) -> Iterator[Finding]:
    allowed = layers.catalog.pools[layers.agent.pool].identities or []
    if name not in allowed:
        pool = layers.agent.pool
        message = (
            f"identity.{kind}: the catalog does not let the pool {pool} use {name}.{nearest(name, allowed)} "
            f"The platform team lists it under identities of {pool} in agents/catalog/pools.yaml"
        )
        yield layers.finding(("identity", kind), "identity-not-allowed", message)


def _exchanged(kind: str, layers: Layers) -> Iterator[Finding]:
    environment = layers.catalog.environments[layers.environment]
    if kind == "aws_role" and not aws_region(environment):
        message = (
            f"identity.aws_role: nothing says which region's token service the agents of {layers.environment} ask; "
            f"say cloud: {{aws_region: …}} of {layers.environment} in agents/catalog/environments.yaml"
        )
        yield layers.finding(("identity", kind), "identity-incomplete", message)
    if kind == "gcp_service_account" and not environment.cloud.gcp_provider:
        message = (
            "identity.gcp_service_account: agents do not reach GKE's metadata server, so their tokens are exchanged by "
            f"Workload Identity Federation; say cloud: {{gcp_provider: projects/…}} of {layers.environment} in "
            "agents/catalog/environments.yaml"
        )
        yield layers.finding(("identity", kind), "identity-incomplete", message)
